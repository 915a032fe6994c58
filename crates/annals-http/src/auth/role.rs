//! What a principal may do.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What somebody may do in a service.
///
/// | Role | May |
/// |---|---|
/// | `reader` | ask queries and follow the feed |
/// | `teller` | all that a reader may, and execute commands |
/// | `operator` | all that a reader may, and look after the service by its admin API |
///
/// Nobody can work who sees nothing, so the other two include the reader. Neither of them includes
/// the other: who keeps a service running does not move what it is about, and who moves that does
/// not rebuild read models. Whoever is to do both is given both roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Asks queries.
    Reader,
    /// Executes commands.
    Teller,
    /// Looks after the service.
    Operator,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Reader, Self::Teller, Self::Operator];

    /// Whether who has this role may do what `needed` may.
    #[must_use]
    pub fn includes(self, needed: Self) -> bool {
        self == needed || needed == Self::Reader
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Teller => "teller",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// Text is no role.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no role {0:?}, only reader, teller and operator")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        let role = Self::ALL.into_iter().find(|role| role.name() == text);
        role.ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

/// Some of the roles, or none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Roles(BTreeSet<Role>);

impl Roles {
    /// Every role there is.
    #[must_use]
    pub fn all() -> Self {
        Role::ALL.into_iter().collect()
    }

    /// Whether one of them includes `needed`.
    #[must_use]
    pub fn permit(&self, needed: Role) -> bool {
        self.0.iter().any(|role| role.includes(needed))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Role> {
        self.0.iter().copied()
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        Self(roles.into_iter().collect())
    }
}

/// As `reader, teller`.
impl fmt::Display for Roles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Role::name).collect();
        formatter.pad(&names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn teller_and_operator_include_the_reader_and_not_each_other() {
        use Role::{Operator, Reader, Teller};
        let included = |role: Role| Role::ALL.map(|needed| role.includes(needed));
        assert_eq!(included(Reader), [true, false, false]);
        assert_eq!(included(Teller), [true, true, false]);
        assert_eq!(included(Operator), [true, false, true]);
        let both: Roles = [Teller, Operator].into_iter().collect();
        assert!(Role::ALL.into_iter().all(|needed| both.permit(needed)));
        assert!(!Role::ALL.into_iter().any(|needed| Roles::default().permit(needed)));
    }

    #[test]
    fn roles_are_written_by_their_names() {
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
            assert_eq!(serde_json::to_string(&role).unwrap(), format!("{:?}", role.name()));
        }
        assert!("Teller".parse::<Role>().is_err());
        assert_eq!(
            serde_json::to_string(&Roles::all()).unwrap(),
            r#"["reader","teller","operator"]"#
        );
    }
}
