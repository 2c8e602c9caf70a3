//! The circuit, which is the same on every board:
//!
//! ```text
//! board ── relay input, held low by a resistor        relay: COM ── fuse ── 12 V +
//!       ── button on the inside, to ground                   NO  ── strike ── 12 V -   a diode across the strike
//!       ── contact in the door frame, to ground              NC  left open
//! ```
//!
//! So the strike has power only while the board drives its pin high and the relay pulls: a board without power, one that starts, one whose
//! program is dead and a cut wire all leave the door locked. The way out is a handle that needs none of this.

use crate::board::{Board, Inputs};
use crate::svg::{Anchor, Drawing, Frame, Point};

/// Of the drawing, in pixels.
pub const SIZE: (i32, i32) = (1_000, 640);

const HOT: &str = "#c1121f";
const COLD: &str = "#24292f";
const SIGNAL: &str = "#0b63c5";

/// A terminal on a part's left or right edge, its name inside.
fn terminal(drawing: &mut Drawing, name: &str, (x, y): Point, anchor: Anchor) {
    drawing.joint((x, y), COLD);
    let inside = if anchor == Anchor::End { x - 10 } else { x + 10 };
    drawing.text(name, (inside, y + 5), anchor, false);
}

/// How `board` is wired to its lock.
pub fn circuit(board: &Board) -> Drawing {
    let mut drawing = Drawing::default();
    drawing.text(&board.title, (40, 34), Anchor::Start, true);
    drawing.part("board", Frame { from: (40, 50), to: (240, 420) });
    drawing.part("relay board", Frame { from: (440, 50), to: (600, 230) });
    drawing.part("strike, fail-secure", Frame { from: (720, 320), to: (890, 420) });
    drawing.part("12 V supply", Frame { from: (440, 450), to: (600, 560) });

    // The relay's coil side, with the resistor that keeps it off while nobody drives the pin.
    drawing.wire(HOT, &[(240, 100), (440, 100)]);
    drawing.wire(SIGNAL, &[(240, 150), (440, 150)]);
    drawing.wire(COLD, &[(240, 210), (440, 210)]);
    drawing.wire(COLD, &[(310, 150), (310, 210)]);
    drawing.upright("10 kΩ", (310, 180), false);
    drawing.joint((310, 150), SIGNAL);
    drawing.joint((310, 210), COLD);

    if let Some(inputs) = &board.inputs {
        inside(&mut drawing, inputs);
    }

    // The strike's circuit.
    drawing.wire(HOT, &[(600, 490), (650, 490), (650, 150), (600, 150)]);
    drawing.upright("fuse", (650, 400), true);
    drawing.wire(HOT, &[(600, 100), (760, 100), (760, 320)]);
    drawing.wire(COLD, &[(850, 420), (850, 530), (600, 530)]);
    drawing.wire(HOT, &[(760, 270), (930, 270), (930, 361)]);
    drawing.wire(COLD, &[(930, 379), (930, 470), (850, 470)]);
    drawing.diode("diode", (930, 370));
    drawing.joint((760, 270), HOT);
    drawing.joint((850, 470), COLD);
    drawing.text("+", (770, 314), Anchor::Start, true);
    drawing.text("-", (860, 436), Anchor::Start, true);

    for (name, y) in [(&board.power, 100), (&board.relay, 150), (&board.ground, 210)] {
        terminal(&mut drawing, name, (240, y), Anchor::End);
    }
    for (name, y) in [("VCC", 100), ("IN", 150), ("GND", 210)] {
        terminal(&mut drawing, name, (440, y), Anchor::Start);
    }
    for (name, y) in [("NO", 100), ("COM", 150), ("NC (open)", 210)] {
        terminal(&mut drawing, name, (600, y), Anchor::End);
    }
    terminal(&mut drawing, "+", (600, 490), Anchor::End);
    terminal(&mut drawing, "-", (600, 530), Anchor::End);

    for (line, text) in [
        "The strike needs power to open, and the way out is a handle that needs none.",
        "The relay board is active high. One that is active low opens the door while the board starts.",
        "Board and strike have supplies of their own; the relay's contacts are all that joins the two sides.",
    ]
    .into_iter()
    .enumerate()
    {
        drawing.text(text, (40, 592 + 18 * i32::try_from(line).unwrap_or(0)), Anchor::Start, false);
    }
    drawing
}

/// What is inside: both to ground, so that no wire to the outside carries more than the board's own pull-up.
fn inside(drawing: &mut Drawing, inputs: &Inputs) {
    drawing.wire(SIGNAL, &[(240, 280), (346, 280)]);
    drawing.switch("exit button, inside", (340, 280));
    drawing.wire(COLD, &[(394, 280), (475, 280), (475, 400), (240, 400)]);
    drawing.wire(SIGNAL, &[(240, 350), (346, 350)]);
    drawing.switch("shut while the door is", (340, 350));
    drawing.wire(COLD, &[(394, 350), (475, 350)]);
    drawing.joint((475, 350), COLD);
    for (name, y) in [(&inputs.exit, 280), (&inputs.contact, 350), (&inputs.ground, 400)] {
        terminal(drawing, name, (240, y), Anchor::End);
    }
}
