use crate::board::boards;
use crate::circuit::{SIZE, circuit};
use crate::svg::{Frame, Point};
use std::path::Path;

fn overlap(a: Frame, b: Frame) -> bool {
    a.from.0 < b.to.0 && b.from.0 < a.to.0 && a.from.1 < b.to.1 && b.from.1 < a.to.1
}

/// The parts of a wire, each as the box that it fills.
fn parts(wire: &[Point]) -> impl Iterator<Item = Frame> + '_ {
    wire.windows(2).map(|ends| Frame {
        from: (ends[0].0.min(ends[1].0), ends[0].1.min(ends[1].1)),
        to: (ends[0].0.max(ends[1].0), ends[0].1.max(ends[1].1)),
    })
}

#[test]
fn the_drawings_in_the_folder_are_those_of_the_boards() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("drawings");
    let boards = boards().unwrap();
    for (name, board) in &boards {
        let path = folder.join(format!("{name}.svg"));
        let drawn = std::fs::read_to_string(&path).unwrap();
        let now = circuit(board).finish(SIZE.0, SIZE.1);
        assert!(drawn == now, "{name}: `cargo run -p door-wiring` draws it anew");
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), boards.len());
}

#[test]
fn the_relays_pin_is_that_of_the_settings() {
    for (name, board) in boards().unwrap() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(&board.settings);
        let settings = std::fs::read_to_string(path).unwrap();
        // As the circuit has it: released while the pin is high, inputs to ground.
        if board.settings.ends_with(".rs") {
            let pin = settings.lines().find(|line| line.starts_with("const PIN: "));
            assert!(pin.unwrap().ends_with(&format!(" = {};", board.line)), "{name}");
            assert!(settings.contains("PinLock::new(pin, PinState::High)"), "{name}");
            assert_eq!(board.inputs, None, "{name}: its program reads no inputs");
            continue;
        }
        let settings: toml::Table = settings.parse().unwrap();
        assert_eq!(settings["relay"]["line"].as_integer(), Some(board.line.into()), "{name}");
        assert_eq!(settings["relay"]["unlocked"].as_str(), Some("high"), "{name}");
        assert_eq!(settings["inputs"]["active"].as_str(), Some("low"), "{name}");
    }
}

#[test]
fn nothing_is_drawn_over_anything_else() {
    for (name, board) in boards().unwrap() {
        let drawing = circuit(&board);
        for (at, &text) in drawing.texts.iter().enumerate() {
            let Frame { from, to } = text;
            assert!(from.0 >= 0 && from.1 >= 0 && to.0 <= SIZE.0 && to.1 <= SIZE.1, "{name}: {at}");
            for &other in &drawing.texts[at + 1..] {
                assert!(!overlap(text, other), "{name}: {text:?} and {other:?}");
            }
            for &part in &drawing.frames {
                let inside = part.from.0 <= from.0 && to.0 <= part.to.0;
                assert!(inside || !overlap(text, part), "{name}: text {at} leaves {part:?}");
            }
            for wire in drawing.wires.iter().flat_map(|wire| parts(wire)) {
                assert!(!overlap(text, wire), "{name}: {wire:?} runs through text {at}");
            }
        }
        for wire in drawing.wires.iter().flat_map(|wire| parts(wire)) {
            let straight = wire.from.0 == wire.to.0 || wire.from.1 == wire.to.1;
            assert!(straight, "{name}: {wire:?} is neither level nor upright");
            // A wire that ends on another has a joint there; no two run through each other.
            for other in drawing.wires.iter().flat_map(|wire| parts(wire)) {
                let crossed = |a: Frame, b: Frame| {
                    a.from.0 < b.from.0 && b.to.0 < a.to.0 && b.from.1 < a.from.1 && a.to.1 < b.to.1
                };
                assert!(!crossed(wire, other), "{name}: {wire:?} crosses {other:?}");
            }
            for &part in &drawing.frames {
                assert!(!overlap(wire, part), "{name}: {wire:?} runs through {part:?}");
            }
        }
    }
}
