//! What the program tells about itself, by its environment.

use annals::otel::{Lines, Options, Running, Settings, StartError};

use crate::cli::exit::{Exit, Failure};

/// Starts log lines, and whatever the environment asks to be exported.
pub(super) fn start() -> Result<Running, Failure> {
    let filter = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let filter = filter.unwrap_or_else(|| "warn".to_owned());
    let options = Options {
        service: "bank",
        version: env!("CARGO_PKG_VERSION"),
        lines: lines()?,
        filter: &filter,
    };
    let start = || {
        let settings = Settings::from_variables(|name| std::env::var(name).ok())?;
        annals::otel::start(&settings, &options)
    };
    start().map_err(|error: StartError| match &error {
        StartError::Settings(_) | StartError::Exporter(_) => Failure::new(Exit::Usage, &error),
        _ => Failure::internal(&error),
    })
}

fn lines() -> Result<Lines, Failure> {
    match std::env::var("BANK_LOG_FORMAT").as_deref() {
        Err(_) | Ok("" | "human") => Ok(Lines::Human),
        Ok("json") => Ok(Lines::Json),
        Ok(other) => {
            let problem = format!("BANK_LOG_FORMAT is {other:?}, possible is human or json");
            Err(Failure::new(Exit::Usage, &*annals::BoxError::from(problem)))
        }
    }
}
