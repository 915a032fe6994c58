//! Which disturbance comes next.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;

/// One way to disturb.
#[derive(Debug, Clone, Copy)]
pub(super) enum Card {
    TerminateWriter,
    TerminateHolder,
    TerminateAnother,
    RollBack,
    Hold,
    HoldElsewhere,
    KillWriter,
    KillServer,
}

use Card::{
    Hold, HoldElsewhere, KillServer, KillWriter, RollBack, TerminateAnother, TerminateHolder,
    TerminateWriter,
};

/// Each kind as often as is wanted of it.
const CARDS: [Card; 18] = [
    TerminateWriter,
    TerminateWriter,
    TerminateWriter,
    TerminateHolder,
    TerminateHolder,
    TerminateHolder,
    TerminateAnother,
    TerminateAnother,
    TerminateAnother,
    RollBack,
    RollBack,
    Hold,
    Hold,
    HoldElsewhere,
    HoldElsewhere,
    KillWriter,
    KillWriter,
    KillServer,
];

/// Cards that are shuffled anew when they are used up: every kind comes, whatever the dice say.
#[derive(Debug)]
pub(super) struct Deck {
    all: Vec<Card>,
    cards: Vec<Card>,
    drawn: usize,
}

impl Deck {
    /// The server is killed so many times more often than otherwise.
    pub(super) fn with_more_kills(kills: usize) -> Self {
        let all = [&CARDS[..], &vec![KillServer; kills]].concat();
        Self { all, cards: Vec::new(), drawn: 0 }
    }

    pub(super) fn draw(&mut self, random: &mut StdRng) -> Card {
        if self.cards.is_empty() {
            self.cards.clone_from(&self.all);
            self.cards.shuffle(random);
        }
        self.drawn += 1;
        self.cards.pop().expect("it was filled a moment ago")
    }

    /// Whether there was one of each kind.
    pub(super) fn is_through(&self) -> bool {
        self.drawn >= self.all.len()
    }
}
