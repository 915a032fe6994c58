//! Every input the derive refuses, with the message it gives.

#[test]
fn refused_inputs_say_what_to_write_instead() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
