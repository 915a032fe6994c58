//! What is exported, and how.

use std::time::Duration;

use thiserror::Error;

use crate::sampling::Sampling;

/// Spans or log records that wait to be exported, unless a variable says otherwise: the default of
/// the specification.
const QUEUE_ITEMS_MAX: usize = 2_048;

/// How long an export may take, unless a variable says otherwise.
const EXPORT_WAIT_MAX: Duration = Duration::from_secs(10);

/// What is exported, and how, by the standard variables.
///
/// | Variable | What it says here |
/// |---|---|
/// | `OTEL_SDK_DISABLED` | `true`: nothing is exported |
/// | `OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER`, `OTEL_LOGS_EXPORTER` | `otlp` or `none` |
/// | `OTEL_EXPORTER_OTLP_ENDPOINT` and those of a signal | where to |
/// | `OTEL_EXPORTER_OTLP_PROTOCOL` and those of a signal | `http/protobuf` (default) or `grpc` |
/// | `OTEL_EXPORTER_OTLP_HEADERS`, `_COMPRESSION`, `_TIMEOUT` | and those of a signal |
/// | `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | see [`Sampling`] |
/// | `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | who exports |
/// | `OTEL_BSP_...`, `OTEL_BLRP_...`, `OTEL_METRIC_EXPORT_INTERVAL` | queues and pauses |
///
/// Unlike the specification has it, nothing is exported as long as no variable asks for it, by an
/// exporter or an endpoint: a program that nobody has configured must not look for a collector.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How traces are exported, if they are.
    pub traces: Option<Export>,
    /// How metrics are exported, if they are.
    pub metrics: Option<Export>,
    /// How log records are exported, if they are.
    pub logs: Option<Export>,
    /// Which traces are kept.
    pub sampling: Sampling,
    /// Spans that wait to be exported, at most.
    pub spans_max: usize,
    /// Log records that wait to be exported, at most.
    pub records_max: usize,
    /// A variable names the service.
    pub has_service_name: bool,
    /// A variable names this process of it, which has a random name otherwise.
    pub has_instance_id: bool,
}

/// How a kind of telemetry is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Export {
    /// How it travels.
    pub protocol: Protocol,
    /// How long an export over HTTP may take. Over gRPC the exporter reads the variable itself.
    pub wait_max: Duration,
}

/// A kind of telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Measurements.
    Metrics,
    /// Log records.
    Logs,
}

/// How OTLP travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC.
    Grpc,
    /// Protobuf in HTTP requests.
    Http,
}

/// A variable has a value that means nothing here. Mend it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{variable} is {value:?}, possible is {possible}")]
pub struct SettingsError {
    /// The variable.
    pub variable: String,
    /// Its value.
    pub value: String,
    /// What it could be.
    pub possible: &'static str,
}

impl Signal {
    /// As in the values of [`SIGNAL`](annals_core::telemetry::attribute::SIGNAL).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }

    const fn in_variables(self) -> &'static str {
        match self {
            Self::Traces => "TRACES",
            Self::Metrics => "METRICS",
            Self::Logs => "LOGS",
        }
    }
}

impl Settings {
    /// Nothing is exported.
    #[must_use]
    pub fn off() -> Self {
        Self {
            traces: None,
            metrics: None,
            logs: None,
            sampling: Sampling::default(),
            spans_max: QUEUE_ITEMS_MAX,
            records_max: QUEUE_ITEMS_MAX,
            has_service_name: false,
            has_instance_id: false,
        }
    }

    /// By variables, which `lookup` knows. Libraries do not read the environment, so the program
    /// passes its own: endpoints and headers are then read there by the exporter.
    ///
    /// # Errors
    ///
    /// [`SettingsError`], which names the variable.
    pub fn from_variables(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let variables = Variables(&lookup);
        if variables.value("OTEL_SDK_DISABLED").is_some_and(|is| is.eq_ignore_ascii_case("true")) {
            return Ok(Self::off());
        }
        let attributes = variables.value("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
        let has = |wanted: &str| {
            let mut pairs = attributes.split(',').filter_map(|pair| pair.split_once('='));
            pairs.any(|(name, _)| name.trim() == wanted)
        };
        Ok(Self {
            traces: variables.export(Signal::Traces)?,
            metrics: variables.export(Signal::Metrics)?,
            logs: variables.export(Signal::Logs)?,
            sampling: variables.sampling()?,
            spans_max: variables.count("OTEL_BSP_MAX_QUEUE_SIZE")?,
            records_max: variables.count("OTEL_BLRP_MAX_QUEUE_SIZE")?,
            has_service_name: variables.value("OTEL_SERVICE_NAME").is_some() || has("service.name"),
            has_instance_id: has("service.instance.id"),
        })
    }

    /// Whether anything is exported.
    #[must_use]
    pub fn is_off(&self) -> bool {
        (self.traces, self.metrics, self.logs) == (None, None, None)
    }
}

struct Variables<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    /// By the specification, empty means not set.
    fn value(&self, variable: &str) -> Option<String> {
        (self.0)(variable).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn number(&self, variable: &str) -> Result<Option<u64>, SettingsError> {
        let Some(value) = self.value(variable) else { return Ok(None) };
        value.parse().map(Some).map_err(|_| wrong(variable, value, "a whole number"))
    }

    fn count(&self, variable: &str) -> Result<usize, SettingsError> {
        let number = self.number(variable)?.and_then(|number| usize::try_from(number).ok());
        Ok(number.unwrap_or(QUEUE_ITEMS_MAX).max(1))
    }

    fn export(&self, signal: Signal) -> Result<Option<Export>, SettingsError> {
        let signal = signal.in_variables();
        let variable = format!("OTEL_{signal}_EXPORTER");
        let of_signal = |what| self.value(&format!("OTEL_EXPORTER_OTLP_{signal}_{what}"));
        let of_all = |what| self.value(&format!("OTEL_EXPORTER_OTLP_{what}"));
        let is_on = match self.value(&variable) {
            Some(value) if value == "otlp" => true,
            Some(value) if value == "none" => false,
            Some(value) => return Err(wrong(&variable, value, "otlp or none")),
            None => of_signal("ENDPOINT").or_else(|| of_all("ENDPOINT")).is_some(),
        };
        if !is_on {
            return Ok(None);
        }
        let protocol = match of_signal("PROTOCOL").or_else(|| of_all("PROTOCOL")).as_deref() {
            None | Some("http/protobuf") => Protocol::Http,
            Some("grpc") => Protocol::Grpc,
            Some(other) => {
                let possible = "grpc or http/protobuf";
                return Err(wrong("OTEL_EXPORTER_OTLP_PROTOCOL", other.to_owned(), possible));
            }
        };
        let wait = match self.number(&format!("OTEL_EXPORTER_OTLP_{signal}_TIMEOUT"))? {
            Some(wait) => Some(wait),
            None => self.number("OTEL_EXPORTER_OTLP_TIMEOUT")?,
        };
        let wait_max = wait.map_or(EXPORT_WAIT_MAX, Duration::from_millis);
        Ok(Some(Export { protocol, wait_max }))
    }

    fn sampling(&self) -> Result<Sampling, SettingsError> {
        const VARIABLE: &str = "OTEL_TRACES_SAMPLER";
        let ratio = || {
            let variable = "OTEL_TRACES_SAMPLER_ARG";
            let Some(value) = self.value(variable) else { return Ok(1.0) };
            let ratio = value.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
            ratio.ok_or_else(|| wrong(variable, value, "a number from 0 to 1"))
        };
        Ok(match self.value(VARIABLE).as_deref() {
            None => Sampling::default(),
            Some("always_on") => Sampling::Always,
            Some("always_off") => Sampling::Never,
            Some("traceidratio") => Sampling::Ratio(ratio()?),
            Some("parentbased_always_on") => Sampling::ByParentElseAlways,
            Some("parentbased_always_off") => Sampling::ByParentElseNever,
            Some("parentbased_traceidratio") => Sampling::ByParentElseRatio(ratio()?),
            Some(other) => {
                let possible = "always_on, always_off, traceidratio, or one of these after \
                    parentbased_";
                return Err(wrong(VARIABLE, other.to_owned(), possible));
            }
        })
    }
}

fn wrong(variable: &str, value: String, possible: &'static str) -> SettingsError {
    SettingsError { variable: variable.to_owned(), value, possible }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318");
    const HTTP: Option<Export> =
        Some(Export { protocol: Protocol::Http, wait_max: EXPORT_WAIT_MAX });

    fn settings(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::from_variables(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn nothing_is_exported_as_long_as_nobody_asks_for_it() {
        assert_eq!(settings(&[]).unwrap(), Settings::off());
        assert!(settings(&[("OTEL_SERVICE_NAME", "bank")]).unwrap().is_off());
        let disabled = [("OTEL_SDK_DISABLED", "True"), ("OTEL_TRACES_EXPORTER", "otlp")];
        assert!(settings(&disabled).unwrap().is_off());
        let empty = [("OTEL_EXPORTER_OTLP_ENDPOINT", " ")];
        assert!(settings(&empty).unwrap().is_off());
    }

    #[test]
    fn who_exports_is_found_among_the_attributes_of_the_resource() {
        let named = |attributes: &str| {
            let found = settings(&[("OTEL_RESOURCE_ATTRIBUTES", attributes)]).unwrap();
            (found.has_service_name, found.has_instance_id)
        };
        assert_eq!(named("peer.service.name=x,a=service.name"), (false, false));
        assert_eq!(named("a=b, service.name =x"), (true, false));
        assert_eq!(named("service.instance.id=7"), (false, true));
    }

    #[test]
    fn an_endpoint_turns_on_what_nobody_has_turned_off() {
        let found = settings(&[ENDPOINT, ("OTEL_LOGS_EXPORTER", "none")]).unwrap();
        assert_eq!((found.traces, found.metrics), (HTTP, HTTP));
        assert_eq!(found.logs, None);
        let of_one = [("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://c:4318/v1/metrics")];
        let found = settings(&of_one).unwrap();
        assert_eq!((found.traces, found.metrics), (None, HTTP));
    }

    #[test]
    fn the_protocol_of_a_signal_comes_before_that_of_all() {
        let found = settings(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http/protobuf"),
        ]);
        let found = found.unwrap();
        assert_eq!(found.traces.map(|it| it.protocol), Some(Protocol::Grpc));
        assert_eq!(found.logs, HTTP);
    }

    #[test]
    fn the_timeout_of_a_signal_comes_before_that_of_all() {
        let found = settings(&[
            ENDPOINT,
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2000"),
            ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "500"),
        ]);
        let found = found.unwrap();
        let wait_max = |export: Option<Export>| export.unwrap().wait_max.as_millis();
        assert_eq!([found.traces, found.metrics, found.logs].map(wait_max), [2_000, 2_000, 500]);
    }

    #[test]
    fn what_means_nothing_is_refused_by_its_name() {
        for (variable, value) in [
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_TRACES_SAMPLER", "mostly"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "many"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ] {
            let error = settings(&[ENDPOINT, (variable, value)]).unwrap_err();
            assert_eq!((error.variable.as_str(), error.value.as_str()), (variable, value));
        }
        let sampler = ("OTEL_TRACES_SAMPLER", "traceidratio");
        assert!(settings(&[sampler, ("OTEL_TRACES_SAMPLER_ARG", "2")]).is_err());
        let half = settings(&[sampler, ("OTEL_TRACES_SAMPLER_ARG", "0.5")]).unwrap();
        assert_eq!(half.sampling, Sampling::Ratio(0.5));
    }
}
