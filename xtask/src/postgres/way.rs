//! Which of the ways to a server is taken.

use std::path::PathBuf;

/// A way to a server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// One that runs already, and programs for tests that need a server of their own.
    Named { url: String, programs: Option<PathBuf> },
    /// The programs in this folder.
    Programs(PathBuf),
    /// A container of this engine.
    Container(&'static str),
    /// Programs that have to be installed.
    Install,
}

impl Way {
    /// The first that is there: what the user has named comes before what happens to be on this
    /// machine, and what is there before what is fetched. An engine is only asked for if it is
    /// needed, because its answer takes seconds.
    pub(super) fn find(
        url: Option<String>,
        programs: impl FnOnce() -> Option<PathBuf>,
        engine: impl FnOnce() -> Option<&'static str>,
    ) -> Self {
        let programs = programs();
        if let Some(url) = url.filter(|url| !url.is_empty()) {
            return Self::Named { url, programs };
        }
        match programs {
            Some(programs) => Self::Programs(programs),
            None => engine().map_or(Self::Install, Self::Container),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs() -> Option<PathBuf> {
        Some(PathBuf::from("bin"))
    }

    fn unasked() -> Option<&'static str> {
        panic!("an engine is not needed")
    }

    #[test]
    fn named_server_comes_before_programs_and_those_before_a_container() {
        let url = || Some("postgres://somewhere".to_owned());
        let named = |programs| Way::Named { url: url().unwrap(), programs };
        assert_eq!(Way::find(url(), programs, unasked), named(programs()));
        assert_eq!(Way::find(url(), || None, unasked), named(None));
        assert_eq!(Way::find(None, programs, unasked), Way::Programs(programs().unwrap()));
        assert_eq!(Way::find(None, || None, || Some("podman")), Way::Container("podman"));
        assert_eq!(Way::find(None, || None, || None), Way::Install);
    }

    #[test]
    fn empty_variable_names_no_server() {
        let empty = Some(String::new());
        assert_eq!(Way::find(empty, programs, unasked), Way::Programs(programs().unwrap()));
    }
}
