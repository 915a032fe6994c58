//! Transfers by the program, without a server.

use serde_json::{Value, json};

use crate::each_store::on_each_store;
use crate::home::Home;

on_each_store! {
    a_command_that_waits_makes_the_transfer_itself,
    a_transfer_that_nobody_makes_is_made_by_the_next_who_waits,
}

pub(super) fn open(home: &Home, id: &str, balance: &str) {
    let open = ["account", "open", id, "--owner-name", id, "--initial-balance", balance];
    assert_eq!(home.bank(&open).code, Some(0));
}

pub(super) fn balance(home: &Home, id: &str) -> i64 {
    let shown = home.bank(&["account", "show", id, "--format", "json"]).json();
    shown["balance"].as_i64().unwrap()
}

fn total(home: &Home) -> Value {
    home.bank(&["accounts", "total", "--format", "json"]).json()["balance"].clone()
}

fn a_command_that_waits_makes_the_transfer_itself(home: &Home) {
    open(home, "alice", "10000");
    open(home, "bob", "0");
    let transfer = |args: &[&str]| home.bank(&[&["transfer"], args].concat());
    let made = transfer(&["alice", "bob", "2500", "--wait", "--format", "json"]).json();
    assert_eq!((&made["state"], &made["in_flight"]), (&json!("completed"), &json!(0)));
    let id = made["transfer_id"].as_str().unwrap();
    let shown = home.bank(&["transfers", "show", id, "--format", "json"]).json();
    assert_eq!((&shown["state"], &shown["amount"]), (&json!("completed"), &json!(2_500)));
    let text = home.bank(&["transfers", "show", id]).stdout;
    for words in ["state      completed", "25.00 CZK are withdrawn from alice", "deposited to bob"]
    {
        assert!(text.contains(words), "{words} in {text}");
    }

    let refused = transfer(&["alice", "nobody", "100", "--wait"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    let reason = "cannot deposit to nobody: the account does not exist";
    assert!(refused.stdout.contains(&format!("reason     {reason}")), "{refused:?}");
    assert!(refused.stdout.contains("1.00 CZK are refunded to alice"), "{refused:?}");

    let made = transfer(&["bob", "alice", "500", "--instant", "--format", "json"]).json();
    assert_eq!((&made["mode"], &made["state"]), (&json!("instant"), &json!("completed")));
    let refused = transfer(&["bob", "alice", "999999", "--instant"]);
    let expected = "cannot withdraw from bob: the balance is 20.00, which does not cover 9999.99";
    assert_eq!(refused.error(3), expected);
    let head = home.head();
    for (args, code, expected) in [
        (
            &["alice", "alice", "1"][..],
            3,
            "the money would come from and go to the same account, alice",
        ),
        (&["alice", "bob", "0"], 3, "an amount must be more than zero, but it is 0.00"),
        (&["alice", "bob", "-1"], 3, "an amount must be more than zero, but it is -0.01"),
    ] {
        assert_eq!(transfer(args).error(code), expected);
    }
    for args in [&["alice", "bob", "9223372036854775808"][..], &["alice", "bob", "1.5"]] {
        assert_eq!(transfer(args).code, Some(2), "{args:?}");
    }
    let unknown = "0198c5f0-7b7e-7000-8000-000000000001";
    let unknown = home.bank(&["transfers", "show", unknown]);
    assert_eq!(unknown.error(4), "the transfer does not exist");
    assert_eq!(home.head(), head);
    assert_eq!((balance(home, "alice"), balance(home, "bob")), (8_000, 2_000));
    assert_eq!(total(home), 10_000);
}

fn a_transfer_that_nobody_makes_is_made_by_the_next_who_waits(home: &Home) {
    open(home, "alice", "100");
    open(home, "bob", "0");
    let command_id = "0198c5f0-7b7e-7000-8000-0000000000aa";
    let ask = ["transfer", "alice", "bob", "40", "--command-id", command_id, "--format", "json"];
    assert_eq!(home.bank(&ask).json()["state"], "requested");
    assert_eq!(balance(home, "alice"), 100);
    let again = home.bank(&[&ask[..], &["--wait"]].concat()).json();
    assert_eq!((&again["state"], &again["transfer_id"]), (&json!("completed"), &json!(command_id)));
    assert_eq!((balance(home, "alice"), balance(home, "bob")), (60, 40));
    let listed = home.bank(&["sagas", "list", "--state", "completed", "--format", "json"]).json();
    assert_eq!(listed["sagas"][0]["id"], command_id);
    assert_eq!(listed["sagas"].as_array().unwrap().len(), 1);
    let parked = home.bank(&["sagas", "list", "--state", "parked", "--format", "json"]).json();
    assert_eq!(parked["sagas"], json!([]));
}
