//! What the program says about itself.

use crate::home::Home;

fn help(command: &[&str]) -> String {
    let finished = Home::new().bank(&[command, &["--help"]].concat());
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""));
    finished.stdout
}

#[test]
fn the_help_explains_the_program() {
    insta::assert_snapshot!(help(&[]));
}

#[test]
fn the_help_explains_serving() {
    insta::assert_snapshot!(help(&["serve"]));
}

#[test]
fn the_help_explains_importing() {
    insta::assert_snapshot!(help(&["import"]));
}

#[test]
fn the_help_explains_samples() {
    insta::assert_snapshot!(help(&["sample"]));
}

#[test]
fn the_help_explains_migrating() {
    insta::assert_snapshot!(help(&["migrate"]));
}

#[test]
fn the_help_explains_accounts() {
    let commands =
        ["open", "deposit", "withdraw", "close", "show", "history", "summary", "statement"];
    let mut texts = vec![help(&["account"])];
    texts.extend(commands.iter().map(|command| help(&["account", command])));
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn the_help_explains_queries_of_all_accounts() {
    let texts = [&["accounts"][..], &["accounts", "list"], &["accounts", "total"]].map(help);
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn the_help_explains_transfers() {
    let texts = [&["transfer"][..], &["transfers"], &["transfers", "show"]].map(help);
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn the_help_explains_looking_after_sagas() {
    let mut texts = vec![help(&["sagas"])];
    let commands = ["list", "show", "retry", "compensate", "abandon"];
    texts.extend(commands.iter().map(|command| help(&["sagas", command])));
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn the_help_explains_looking_after_keys() {
    let texts = [&["keys"][..], &["keys", "create"], &["keys", "list"], &["keys", "revoke"]];
    insta::assert_snapshot!(texts.map(help).join("\n"));
}

#[test]
fn the_help_explains_looking_after_projections() {
    let mut texts = vec![help(&["projections"]), help(&["projections", "dead-letters"])];
    let commands = ["status", "rebuild", "switch", "rollback", "retire"];
    texts.extend(commands.iter().map(|command| help(&["projections", command])));
    let commands = ["list", "show", "retry", "retry-all", "discard"];
    texts.extend(commands.iter().map(|command| help(&["projections", "dead-letters", command])));
    insta::assert_snapshot!(texts.join("\n"));
}
