//! Answers of the bank, with what stands in their headers.

use annals_http::Answer;

use crate::bank::{CommandAnswer, QueryAnswer};
use crate::transfers::TransferAnswer;

impl From<CommandAnswer> for Answer<CommandAnswer> {
    fn from(body: CommandAnswer) -> Self {
        let (sequence, token) = (body.account.sequence, body.consistency_token);
        Self::new(body).at_sequence(sequence).with_token(token)
    }
}

impl From<TransferAnswer> for Answer<TransferAnswer> {
    fn from(body: TransferAnswer) -> Self {
        let token = body.consistency_token;
        Self::new(body).with_token(token)
    }
}

impl<T> From<QueryAnswer<T>> for Answer<QueryAnswer<T>> {
    fn from(body: QueryAnswer<T>) -> Self {
        let token = body.consistency_token;
        Self::new(body).with_token(token)
    }
}
