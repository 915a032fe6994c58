//! HTTP for Annals: the building blocks of a service that people like to call.
