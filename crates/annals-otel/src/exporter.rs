//! The exporters of the three signals.

use opentelemetry_otlp::{
    ExporterBuildError, LogExporter, MetricExporter, Protocol as Wire, SpanExporter,
    WithExportConfig, WithHttpConfig,
};

use crate::http_client::BlockingClient;
use crate::settings::{Export, Protocol};

pub(crate) fn spans(export: Export) -> Result<SpanExporter, ExporterBuildError> {
    match export.protocol {
        Protocol::Grpc => SpanExporter::builder().with_tonic().build(),
        Protocol::Http => SpanExporter::builder()
            .with_http()
            .with_protocol(Wire::HttpBinary)
            .with_http_client(BlockingClient::new(export.wait_max))
            .build(),
    }
}

pub(crate) fn metrics(export: Export) -> Result<MetricExporter, ExporterBuildError> {
    match export.protocol {
        Protocol::Grpc => MetricExporter::builder().with_tonic().build(),
        Protocol::Http => MetricExporter::builder()
            .with_http()
            .with_protocol(Wire::HttpBinary)
            .with_http_client(BlockingClient::new(export.wait_max))
            .build(),
    }
}

pub(crate) fn logs(export: Export) -> Result<LogExporter, ExporterBuildError> {
    match export.protocol {
        Protocol::Grpc => LogExporter::builder().with_tonic().build(),
        Protocol::Http => LogExporter::builder()
            .with_http()
            .with_protocol(Wire::HttpBinary)
            .with_http_client(BlockingClient::new(export.wait_max))
            .build(),
    }
}
