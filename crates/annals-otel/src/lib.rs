//! Traces, metrics and logs of Annals by OTLP, and log lines that name their trace.
