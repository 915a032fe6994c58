//! The same test with the log in a file and in a database.

/// Makes two tests of each function that takes a [`Home`](crate::home::Home).
macro_rules! on_each_store {
    ($($test:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[test]
            fn $test() {
                super::$test(&crate::home::Home::new());
            })+
        }

        mod on_postgres {
            $(#[test]
            fn $test() {
                super::$test(&crate::home::Home::on_postgres());
            })+
        }
    };
}

pub(crate) use on_each_store;
