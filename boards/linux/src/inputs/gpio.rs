//! Edges on lines of a GPIO chip, debounced by the kernel.

use super::{ActiveLevel, InputsConfig};
use crate::lock::io_error;
use crate::run::Inbox;
use edge_infer::door::{Contact, Event, Fault};
use gpiocdev::Request;
use gpiocdev::line::{Bias, EdgeDetection, EdgeKind, Value};
use std::io;
use std::time::Duration;

pub(super) fn start(config: &InputsConfig, inbox: Inbox) -> io::Result<()> {
    let lines: Vec<u32> = config.exit.into_iter().chain(config.contact).collect();
    let mut builder = Request::builder();
    builder
        .on_chip(&config.chip)
        .with_consumer("door")
        .with_lines(&lines)
        .as_input()
        .with_edge_detection(EdgeDetection::BothEdges)
        .with_debounce_period(Duration::from_millis(config.debounce_ms.into()));
    match config.active {
        ActiveLevel::Low => builder.as_active_low().with_bias(Bias::PullUp),
        ActiveLevel::High => builder.with_bias(Bias::PullDown),
    };
    let request = builder.request().map_err(|error| io_error(&error))?;
    if let Some(line) = config.contact {
        let shut = request.value(line).map_err(|error| io_error(&error))? == Value::Active;
        inbox.tell(event(config, line, shut));
    }
    let config = config.clone();
    std::thread::Builder::new().name("inputs".to_owned()).spawn(move || {
        for edge in request.edge_events() {
            match edge {
                // A released button says nothing.
                Ok(edge) if Some(edge.offset) == config.exit && edge.kind == EdgeKind::Falling => {}
                Ok(edge) => inbox.tell(event(&config, edge.offset, edge.kind == EdgeKind::Rising)),
                Err(error) => {
                    eprintln!("the inputs cannot be read: {error}");
                    // What stands open can no longer be seen.
                    inbox.tell(Event::FaultRaised(Fault::Other));
                    return;
                }
            }
        }
    })?;
    Ok(())
}

fn event(config: &InputsConfig, line: u32, active: bool) -> Event {
    match (Some(line) == config.exit, active) {
        (true, _) => Event::ExitButton,
        (false, true) => Event::Contact(Contact::Closed),
        (false, false) => Event::Contact(Contact::Open),
    }
}
