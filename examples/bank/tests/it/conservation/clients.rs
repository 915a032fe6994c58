//! Those who have money transferred, at random, and repeat what was not answered.

use std::sync::atomic::{AtomicUsize, Ordering};

use bank::account::AccountId;
use bank::money::Money;
use bank::transfer::{TransferId, TransferOrder};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use ureq::http::Request;

use super::ACCOUNTS;
use super::books::{Books, End};
use super::services::Services;
use crate::client::{Answer, Client};

/// A transfer that was asked for, and what was answered last.
#[derive(Debug)]
pub(super) struct Asked {
    id: TransferId,
    order: TransferOrder,
    is_instant: bool,
    answer: Told,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    /// Nothing, and whoever asked gave up.
    Nothing,
    /// It will come to its end.
    Accepted,
    /// It has come to its end.
    Ended(End),
    /// It is not made, and never will be.
    Refused,
    /// Something that is never right.
    Wrong(String),
}

/// The id of an account. The last ones of a few more than there are do not exist.
pub(super) fn account_id(number: usize) -> AccountId {
    AccountId::new(format!("account-{number}")).unwrap()
}

/// Asks for transfers as long as there are any left to ask for.
pub(super) fn transfer(services: &Services, left: &AtomicUsize, seed: u64) -> Vec<Asked> {
    let mut random = StdRng::seed_from_u64(seed);
    let (client, mut asked) = (Client::new(), Vec::new());
    let one_less = |left: usize| left.checked_sub(1);
    while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
        let mut one = Asked::any(&mut random);
        one.ask(&client, services, &mut random);
        asked.push(one);
    }
    asked
}

impl Asked {
    fn any(random: &mut StdRng) -> Self {
        let from = random.random_range(0..ACCOUNTS);
        // A few lead nowhere, and have to be refunded.
        let to = (from + random.random_range(1..ACCOUNTS)) % (ACCOUNTS + ACCOUNTS / 25);
        let to = if to == from { ACCOUNTS } else { to };
        let order = TransferOrder {
            from_account_id: account_id(from),
            to_account_id: account_id(to),
            amount: Money::from_minor(random.random_range(1..400)),
        };
        let is_instant = random.random_bool(0.02);
        Self { id: TransferId::generate(), order, is_instant, answer: Told::Nothing }
    }

    /// Asks until there is an answer, with the same key; some give up.
    fn ask(&mut self, client: &Client, services: &Services, random: &mut StdRng) {
        let mut body = serde_json::to_value(&self.order).unwrap();
        body["transfer_id"] = json!(self.id);
        body["mode"] = json!(if self.is_instant { "instant" } else { "saga" });
        // Who waits hears of the end, and has the log looked at again and again meanwhile. Not for
        // long: whatever stops, somebody goes on asking.
        let prefer = if random.random_bool(0.25) { "wait=1" } else { "respond-async" };
        loop {
            let request = Request::post(format!("{}/transfers", services.pick(random)))
                .header("content-type", "application/json")
                .header("idempotency-key", self.id.to_string())
                .header("prefer", prefer);
            // Whoever is killed has not answered.
            if let Ok(answer) = client.try_send(request.body(body.to_string().into()).unwrap())
                && answer.status < 500
            {
                self.answer = self.read(&answer);
                return;
            }
            if random.random_bool(0.05) {
                return;
            }
        }
    }

    fn read(&self, answer: &Answer) -> Told {
        if answer.status >= 400 {
            let refusals = ["insufficient_funds", "account_not_found"];
            let is_right = self.is_instant && refusals.contains(&&*answer.code());
            return if is_right { Told::Refused } else { Told::Wrong(answer.body.clone()) };
        }
        let json: Value = serde_json::from_str(&answer.body).unwrap();
        match json["state"].as_str().unwrap() {
            "requested" => Told::Accepted,
            "completed" => Told::Ended(End::Completed),
            "failed" => Told::Ended(End::Failed),
            _ => Told::Wrong(answer.body.clone()),
        }
    }

    /// Whether the whole log bears out what was answered.
    pub(super) fn check(&self, books: &Books) -> Result<(), String> {
        let in_log = books.find(self.id);
        let is_so = match (&self.answer, in_log) {
            (Told::Nothing, _) | (Told::Refused, None) => true,
            (Told::Accepted, Some((Some(_), order))) => *order == self.order,
            (Told::Ended(told), Some((Some(end), order))) => *told == end && *order == self.order,
            _ => false,
        };
        if is_so { Ok(()) } else { Err(format!("{self:?} is in the log as {in_log:?}")) }
    }

    pub(super) fn was_answered(&self) -> bool {
        self.answer != Told::Nothing
    }
}
