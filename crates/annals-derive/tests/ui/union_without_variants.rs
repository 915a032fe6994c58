use annals_derive::DomainEvent;

#[derive(DomainEvent)]
#[event(union)]
enum Event {}

fn main() {}
