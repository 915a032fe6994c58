//! The exporters of the three signals.

use std::time::Duration;

use opentelemetry_otlp::{
    ExporterBuildError, LogExporter, MetricExporter, Protocol as Wire, SpanExporter,
    WithExportConfig, WithHttpConfig,
};

use crate::http_client::BlockingClient;
use crate::settings::Protocol;

pub(crate) fn spans(
    protocol: Protocol,
    wait_max: Duration,
) -> Result<SpanExporter, ExporterBuildError> {
    match protocol {
        Protocol::Grpc => SpanExporter::builder().with_tonic().build(),
        Protocol::Http => SpanExporter::builder()
            .with_http()
            .with_protocol(Wire::HttpBinary)
            .with_http_client(BlockingClient::new(wait_max))
            .build(),
    }
}

pub(crate) fn metrics(
    protocol: Protocol,
    wait_max: Duration,
) -> Result<MetricExporter, ExporterBuildError> {
    match protocol {
        Protocol::Grpc => MetricExporter::builder().with_tonic().build(),
        Protocol::Http => MetricExporter::builder()
            .with_http()
            .with_protocol(Wire::HttpBinary)
            .with_http_client(BlockingClient::new(wait_max))
            .build(),
    }
}

pub(crate) fn logs(
    protocol: Protocol,
    wait_max: Duration,
) -> Result<LogExporter, ExporterBuildError> {
    match protocol {
        Protocol::Grpc => LogExporter::builder().with_tonic().build(),
        Protocol::Http => LogExporter::builder()
            .with_http()
            .with_protocol(Wire::HttpBinary)
            .with_http_client(BlockingClient::new(wait_max))
            .build(),
    }
}
