use annals_derive::DomainEvent;

#[derive(DomainEvent)]
union Opened {
    amount: i64,
}

fn main() {}
