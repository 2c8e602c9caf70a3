//! How hairstyles and beards are distributed: families of style, and the numbers of each.

use super::dice::Dice;
use super::identity::{Beard, Hair};
use super::maths::{Rgb, display, mix, mix_rgb, scale, smooth, unit};
use super::palette::{CHESTNUT, FLAXEN};
use super::population::Hidden;

/// Families of hair, each a way to set the numbers of [`Hair`].
#[derive(Clone, Copy)]
enum Style {
    Bald,
    Receding,
    Buzz,
    Crop,
    SidePart,
    SweptBack,
    Quiff,
    CurlyTop,
    Afro,
    Fringe,
    Bob,
    LongStraight,
    LongWavy,
    LongCurly,
    Curtains,
    TiedBack,
    Knot,
}

/// Draws a style that fits the person, then its numbers.
pub(super) fn hair(dice: &mut Dice, hidden: &Hidden, natural: Rgb) -> Hair {
    let (f, m) = (smooth(0.3, 0.7, hidden.feminine), smooth(0.7, 0.3, hidden.feminine));
    let old = hidden.age * m;
    let coily = smooth(0.55, 0.85, hidden.melanin);
    let style = dice.pick([
        (Style::Bald, 0.35 * m + 2.2 * old),
        (Style::Receding, 0.2 * m + 3.0 * old),
        (Style::Buzz, 0.9 * m + 0.03),
        (Style::Crop, 1.2 * m + 0.1 * f),
        (Style::SidePart, 1.5 * m * (1.0 - coily)),
        (Style::SweptBack, 0.7 * m * (1.0 - coily) + 0.2 * f),
        (Style::Quiff, 0.9 * m),
        (Style::CurlyTop, 0.7 * m + 0.5 * f),
        (Style::Afro, (0.6 * m + 1.2 * f) * coily),
        (Style::Fringe, 0.4 * m + 0.3 * f),
        (Style::Bob, 1.1 * f * (1.0 - 0.5 * coily)),
        (Style::LongStraight, 1.4 * f + 0.08 * m),
        (Style::LongWavy, 1.3 * f + 0.06 * m),
        (Style::LongCurly, 0.7 * f + 0.8 * f * coily),
        (Style::Curtains, 0.9 * f + 0.25 * m),
        (Style::TiedBack, 0.9 * f + 0.1 * m),
        (Style::Knot, 0.7 * f + 0.1 * m),
    ]);
    let dyed = dice.pick([
        (display([176, 60, 96]), 1.0),
        (display([58, 110, 150]), 1.0),
        (display([96, 60, 130]), 1.0),
        (FLAXEN, 3.0),
    ]);
    let colour = if dice.chance(0.07) { dyed } else { natural };
    let mut hair = Hair {
        colour,
        streak: scale(colour, dice.between(1.3, 2.1)),
        density: 1.0,
        volume: dice.between(3.0, 6.0),
        hairline: dice.bell(-51.0, 2.2),
        recession: dice.between(0.0, 3.0) + 5.0 * old,
        fringe: 0.0,
        sweep: 0.0,
        parting: dice.bell(0.0, 4.0),
        sideburn: dice.bell(mix(-3.0, -12.0, f), 4.0),
        length: -100.0,
        inner: 1.0,
        wave: 0.0,
        curl: unit(dice.bell(0.15 + 0.7 * coily, 0.12)),
        knot: 0.0,
    };
    let side = if dice.chance(0.5) { 1.0 } else { -1.0 };
    match style {
        Style::Bald => (hair.density, hair.volume) = (0.0, 0.0),
        Style::Receding => {
            hair.recession = dice.between(9.0, 16.0);
            hair.hairline -= dice.between(4.0, 12.0);
            hair.volume = dice.between(1.0, 2.5);
            hair.density = dice.between(0.6, 0.9);
        }
        Style::Buzz => {
            (hair.density, hair.volume) = (dice.between(0.45, 0.85), dice.between(0.4, 1.4))
        }
        Style::Crop => {
            (hair.volume, hair.fringe) = (dice.between(2.0, 4.0), dice.between(0.0, 5.0))
        }
        Style::SidePart => {
            (hair.parting, hair.sweep) =
                (side * dice.between(12.0, 20.0), -side * dice.between(0.10, 0.24));
            hair.fringe = dice.between(2.0, 5.0);
        }
        Style::SweptBack => {
            (hair.volume, hair.hairline) = (dice.between(3.0, 6.0), hair.hairline - 2.0)
        }
        Style::Quiff => {
            (hair.volume, hair.hairline) = (dice.between(6.0, 11.0), hair.hairline - 1.0)
        }
        Style::CurlyTop => {
            (hair.curl, hair.volume) = (dice.between(0.8, 1.0), dice.between(6.0, 12.0));
            hair.fringe = dice.between(0.0, 9.0);
        }
        Style::Afro => (hair.curl, hair.volume) = (1.0, dice.between(11.0, 24.0)),
        Style::Fringe => {
            (hair.fringe, hair.sweep) = (dice.between(10.0, 18.0), side * dice.between(0.0, 0.12));
            hair.length = dice.between(-20.0, 6.0);
            hair.inner = dice.between(0.93, 1.02);
        }
        Style::Bob => {
            (hair.length, hair.inner) = (dice.between(20.0, 44.0), dice.between(0.74, 0.95));
            hair.fringe = sometimes(dice, 0.6);
        }
        Style::LongStraight => {
            (hair.length, hair.inner) = (dice.between(70.0, 110.0), dice.between(0.74, 0.98));
            hair.fringe = sometimes(dice, 0.33);
        }
        Style::LongWavy => {
            (hair.length, hair.inner) = (dice.between(60.0, 110.0), dice.between(0.76, 0.98));
            (hair.wave, hair.volume) = (dice.between(1.5, 3.5), dice.between(5.0, 10.0));
            (hair.parting, hair.sweep) =
                (side * dice.between(4.0, 16.0), -side * dice.between(0.0, 0.2));
        }
        Style::LongCurly => {
            (hair.length, hair.inner) = (dice.between(36.0, 90.0), dice.between(0.78, 0.98));
            (hair.wave, hair.volume) = (dice.between(2.0, 4.0), dice.between(9.0, 17.0));
            (hair.curl, hair.fringe) = (dice.between(0.75, 1.0), dice.between(0.0, 7.0));
        }
        Style::Curtains => {
            (hair.recession, hair.fringe) = (-dice.between(5.0, 13.0), 0.0);
            (hair.length, hair.inner) = (dice.between(-6.0, 60.0), dice.between(0.84, 1.0));
        }
        Style::TiedBack => (hair.volume, hair.sideburn) = (dice.between(1.5, 4.0), -14.0),
        Style::Knot => {
            (hair.volume, hair.knot) = (dice.between(2.0, 4.0), dice.between(12.0, 19.0))
        }
    }
    hair
}

/// A full fringe with the given odds, else none.
fn sometimes(dice: &mut Dice, odds: f32) -> f32 {
    let depth = dice.between(12.0, 19.0);
    if dice.chance(odds) { depth } else { 0.0 }
}

/// Draws shaved, stubble, moustache, goatee, chin beard or full beard.
pub(super) fn beard(dice: &mut Dice, hidden: &Hidden, natural: Rgb) -> Beard {
    let bearded = hidden.feminine < 0.5;
    let shave = dice.unit();
    let amount = dice.between(0.7, 1.0);
    let (stubble, moustache, chin, cheeks) = match shave {
        s if !bearded || s < 0.35 => (if bearded { 0.5 * s } else { 0.0 }, 0.0, 0.0, 0.0),
        s if s < 0.55 => (dice.between(0.35, 0.8), 0.0, 0.0, 0.0),
        s if s < 0.63 => (0.15, amount, 0.0, 0.0),
        s if s < 0.75 => (0.2, amount * 0.8, amount, 0.0),
        s if s < 0.80 => (0.1, 0.0, amount, 0.0),
        _ => (0.3, amount, amount, amount),
    };
    let length =
        dice.between(0.5, 3.5) + if dice.chance(0.25) { dice.between(3.0, 12.0) } else { 0.0 };
    Beard {
        stubble,
        moustache,
        chin,
        cheeks,
        length: length * chin,
        colour: mix_rgb(scale(natural, 0.8), CHESTNUT, 0.1),
    }
}
