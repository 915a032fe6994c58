//! The URL of a log.

use std::borrow::Cow;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;

use crate::durability::DurabilityRisk;
use crate::tls::{RootCertificates, SslMode, TlsSettings};
use crate::url_error::UrlError;

/// What a URL says.
#[derive(Debug, Clone)]
pub(crate) struct ParsedUrl {
    /// Everything but the hosts.
    pub(crate) config: Config,
    /// Tried in this order.
    pub(crate) hosts: Vec<HostAddress>,
    pub(crate) tls: TlsSettings,
    pub(crate) risks: Vec<DurabilityRisk>,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostAddress {
    /// A name, an address, or the folder of a socket.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl HostAddress {
    /// Whether it is a socket of the file system, which is never encrypted.
    pub(crate) fn is_socket(&self) -> bool {
        self.host.starts_with('/')
    }
}

/// The port PostgreSQL is registered with.
const DEFAULT_PORT: u16 = 5432;

/// Reads a URL as libpq does, without its defaults from the environment and the home directory.
pub(crate) fn parse(url: &str) -> Result<ParsedUrl, UrlError> {
    let rest = url
        .strip_prefix("postgres://")
        .or_else(|| url.strip_prefix("postgresql://"))
        .ok_or(UrlError::Scheme)?;
    let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    // What looks like parameters may be the rest of a password then.
    if parameters.contains('@') {
        return Err(UrlError::Unescaped);
    }
    let mut parsed = ParsedUrl {
        config: Config::new(),
        hosts: Vec::new(),
        tls: TlsSettings::default(),
        risks: Vec::new(),
    };
    let hosts = match authority.rsplit_once('@') {
        // Nobody can tell which of them ends the password.
        Some((user, _)) if user.contains('@') => return Err(UrlError::Unescaped),
        Some((user, hosts)) => {
            read_user(&mut parsed.config, user)?;
            hosts
        }
        // What looks like host and database is user and password then.
        None if database.contains('@') => return Err(UrlError::Unescaped),
        None => authority,
    };
    parsed.hosts = read_hosts(hosts)?;
    if !database.is_empty() {
        parsed.config.dbname(decode("database", database)?.as_ref());
    }
    for (index, parameter) in parameters.split('&').filter(|text| !text.is_empty()).enumerate() {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        read_parameter(&mut parsed, name, value, index + 1)?;
    }
    if parsed.hosts.is_empty() {
        parsed.hosts.push(HostAddress { host: "localhost".to_owned(), port: DEFAULT_PORT });
    }
    check_tls(&parsed.tls)?;
    Ok(parsed)
}

fn read_user(config: &mut Config, user: &str) -> Result<(), UrlError> {
    let (user, password) = match user.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (user, None),
    };
    if !user.is_empty() {
        config.user(decode("user", user)?.as_ref());
    }
    if let Some(password) = password {
        config.password(decode("password", password)?.as_bytes());
    }
    Ok(())
}

/// Several hosts are tried in their order: `postgres://first:5432,second:5433/bank`.
fn read_hosts(hosts: &str) -> Result<Vec<HostAddress>, UrlError> {
    let hosts = hosts.split(',').filter(|host| !host.is_empty());
    hosts
        .map(|host| {
            let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                Some((address, rest)) => (address, rest.strip_prefix(':')),
                None => match host.split_once(':') {
                    Some((name, port)) => (name, Some(port)),
                    None => (host, None),
                },
            };
            let port = port.map_or(Ok(DEFAULT_PORT), |port| number("port", port))?;
            Ok(HostAddress { host: decode("host", name)?.into_owned(), port })
        })
        .collect()
}

fn read_parameter(
    parsed: &mut ParsedUrl,
    name: &str,
    value: &str,
    number_of_parameter: usize,
) -> Result<(), UrlError> {
    let ParsedUrl { config, hosts, tls, risks } = parsed;
    match name {
        "host" => hosts.extend(read_hosts(value)?),
        "port" => {
            let port = number("port", value)?;
            hosts.iter_mut().for_each(|host| host.port = port);
        }
        "user" => {
            config.user(decode("user", value)?.as_ref());
        }
        "password" => {
            config.password(decode("password", value)?.as_bytes());
        }
        "dbname" => {
            config.dbname(decode("dbname", value)?.as_ref());
        }
        "options" => {
            config.options(decode("options", value)?.as_ref());
        }
        "application_name" => {
            config.application_name(decode("application_name", value)?.as_ref());
        }
        "connect_timeout" => {
            config.connect_timeout(seconds("connect_timeout", value)?);
        }
        "keepalives_idle" => {
            config.keepalives_idle(seconds("keepalives_idle", value)?);
        }
        "tcp_user_timeout" => {
            let millis = number("tcp_user_timeout", value)?;
            config.tcp_user_timeout(Duration::from_millis(millis));
        }
        "target_session_attrs" => {
            // Sessions that write ask for a primary anyway.
            if !matches!(value, "any" | "read-write" | "primary") {
                let expected = "any, read-write or primary";
                return Err(UrlError::Part { part: "target_session_attrs", expected });
            }
        }
        "sslmode" => tls.mode = value.parse()?,
        "sslrootcert" => {
            tls.root = Some(match decode("sslrootcert", value)?.as_ref() {
                "system" => RootCertificates::System,
                path => RootCertificates::File(PathBuf::from(path)),
            });
        }
        "sslcert" => tls.certificate = Some(decode("sslcert", value)?.as_ref().into()),
        "sslkey" => tls.key = Some(decode("sslkey", value)?.as_ref().into()),
        "accept_risk" => {
            for risk in value.split(',') {
                let expected = "among the settings that can be accepted";
                let wrong = UrlError::Part { part: "accept_risk", expected };
                risks.push(DurabilityRisk::named(risk).ok_or(wrong)?);
            }
        }
        _ => return Err(UrlError::UnknownParameter { number: number_of_parameter }),
    }
    Ok(())
}

fn check_tls(tls: &TlsSettings) -> Result<(), UrlError> {
    if tls.certificate.is_some() != tls.key.is_some() {
        return Err(UrlError::Contradiction { first: "sslcert", second: "a missing sslkey" });
    }
    let verifies = matches!(tls.mode, SslMode::VerifyCa | SslMode::VerifyFull);
    match tls.root {
        None if verifies => {
            let expected = "given, which verifying needs: a file of certificates, or system";
            Err(UrlError::Part { part: "sslrootcert", expected })
        }
        // Anybody can get a certificate from a public authority: only the name tells them apart.
        Some(RootCertificates::System) if tls.mode != SslMode::VerifyFull => {
            Err(UrlError::Contradiction {
                first: "sslrootcert=system",
                second: "an sslmode other than verify-full",
            })
        }
        _ => Ok(()),
    }
}

fn decode<'a>(part: &'static str, text: &'a str) -> Result<Cow<'a, str>, UrlError> {
    percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| UrlError::Part { part, expected: "percent-encoded UTF-8" })
}

fn number<T: FromStr>(part: &'static str, text: &str) -> Result<T, UrlError> {
    text.parse().map_err(|_| UrlError::Part { part, expected: "a number in its range" })
}

fn seconds(part: &'static str, text: &str) -> Result<Duration, UrlError> {
    number(part, text).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(host: &str, port: u16) -> HostAddress {
        HostAddress { host: host.to_owned(), port }
    }

    #[test]
    fn every_part_of_a_url_is_read() {
        let url = "postgresql://an%40n:p%3Aw%2F@one,[::1]:6000,%2Frun%2Fpg:7000/ba%20nk\
                   ?sslmode=require&connect_timeout=3&application_name=teller&accept_risk=fsync";
        let parsed = parse(url).unwrap();
        let config = &parsed.config;
        assert_eq!(config.get_user(), Some("an@n"));
        assert_eq!(config.get_password(), Some(&b"p:w/"[..]));
        assert_eq!(config.get_dbname(), Some("ba nk"));
        let hosts = [host("one", 5432), host("::1", 6000), host("/run/pg", 7000)];
        assert_eq!(parsed.hosts, hosts);
        assert_eq!(config.get_connect_timeout(), Some(&Duration::from_secs(3)));
        assert_eq!(config.get_application_name(), Some("teller"));
        assert_eq!(parsed.tls.mode, SslMode::Require);
        assert_eq!(parsed.risks, [DurabilityRisk::Fsync]);
    }

    #[test]
    fn what_is_left_out_is_as_libpq_has_it() {
        let parsed = parse("postgres://").unwrap();
        assert_eq!(parsed.hosts, [host("localhost", 5432)]);
        assert_eq!(parsed.tls.mode, SslMode::Prefer);
        let socket = parse("postgres:///bank?host=%2Frun%2Fpg&port=7").unwrap();
        assert_eq!(socket.hosts, [host("/run/pg", 7)]);
    }

    #[test]
    fn no_error_repeats_what_may_be_a_password() {
        for url in [
            "mysql://u:hunter2@h/d",
            "postgres://u:hunter2:hunter2@h:hunter2/d",
            "postgres://u:hunter2/more@h/d",
            "postgres://u:p?hunter2@h/d",
            "postgres://u:p@h/d?hunter2=hunter2",
            "postgres://u:%ffhunter2@h/d",
            "postgres://h/d?sslmode=hunter2",
            "postgres://h/d?accept_risk=hunter2",
            "postgres://h/d?port=hunter2",
            "postgres://h/d?target_session_attrs=hunter2",
        ] {
            let error = parse(url).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    /// The rest of the password was taken for the port or the host, and the error was about those.
    #[test]
    fn a_password_with_a_meaning_of_its_own_is_refused() {
        for url in [
            "postgres://u:a/b@h/d",
            "postgres://u:a@b@h/d",
            "postgres://u@corp:a@h/d",
            "postgres://u:1?b@h/d",
            "postgres://h/d?password=a@b",
        ] {
            assert_eq!(parse(url).unwrap_err(), UrlError::Unescaped, "{url}");
        }
        let written = parse("postgres://u:a%2Fb%40@h/d").unwrap();
        assert_eq!(written.config.get_password(), Some(&b"a/b@"[..]));
    }

    #[test]
    fn verifying_without_anything_to_verify_by_is_refused() {
        assert!(parse("postgres://h/d?sslmode=verify-full").is_err());
        assert!(parse("postgres://h/d?sslmode=verify-ca").is_err());
        assert!(parse("postgres://h/d?sslmode=verify-ca&sslrootcert=system").is_err());
        assert!(parse("postgres://h/d?sslmode=require&sslcert=a.crt").is_err());
        let full = parse("postgres://h/d?sslmode=verify-full&sslrootcert=system").unwrap();
        assert_eq!(full.tls.root, Some(RootCertificates::System));
        let file = parse("postgres://h/d?sslmode=verify-ca&sslrootcert=%2Fca.pem").unwrap();
        assert_eq!(file.tls.root, Some(RootCertificates::File("/ca.pem".into())));
    }
}
