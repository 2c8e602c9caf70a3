//! How traits are distributed over the drawn population.
//!
//! Three hidden variables tie the traits together: age, a sex-like axis, and melanin. Hair and eye colour
//! follow melanin, grey hair and wrinkles follow age, jaw, brows, lips and beard follow the sex-like axis.
//! Everything else is drawn on its own, so that two people who agree in the obvious still differ in the rest.

use super::dice::{Dice, Purpose};
use super::hairstyles::{beard, hair};
use super::identity::{Brows, Ears, Eyes, Frames, Head, Identity, Mole, Mouth, Nose, Skin};
use super::maths::{Rgb, at, display, mix, mix_rgb, ramp, scale, smooth, unit};
use super::palette::{
    BLACK, BLOND, BROWN, CHESTNUT, DARK_BROWN, FLAXEN, GREY, LIGHT_BROWN, RED, SKIN, WHITE,
};

/// What the rest hangs on.
pub(super) struct Hidden {
    /// 0 = 18 years, 1 = 80 years.
    pub(super) age: f32,
    /// 0 masculine, 1 feminine.
    pub(super) feminine: f32,
    /// 0 the lightest skin, 1 the darkest.
    pub(super) melanin: f32,
}

/// Person number `index` of the population of `seed`.
pub(super) fn sample(seed: u64, index: u64) -> Identity {
    let dice = &mut Dice::new(Purpose::Identity, seed, index, 0);
    let hidden = Hidden {
        age: {
            let a = dice.unit();
            a * mix(a, 1.0, 0.4)
        },
        feminine: if dice.chance(0.5) { dice.between(0.68, 1.0) } else { dice.between(0.0, 0.32) },
        melanin: dice.between(0.0, 1.0),
    };
    let head = head(dice, &hidden);
    let skin = skin(dice, &hidden);
    let natural = hair_colour(dice, &hidden);
    let eyes = eyes(dice, &hidden);
    let nose = Nose {
        tip: at(dice.bell(0.0, 0.5), dice.bell(0.0, 1.7)),
        projection: dice.bell(13.0, 2.0),
        bridge_half_width: dice.bell(4.3, 0.7),
        tip_radius: dice.bell(5.6, 0.8),
        wings: dice.bell(8.8, 1.2),
        hump: dice.bell(0.0, 0.45) * mix(1.2, 0.7, hidden.feminine),
        nostrils: dice.between(0.3, 1.0),
    };
    let mouth = mouth(dice, &hidden, &skin);
    Identity {
        seed,
        index,
        texture: dice.bits(),
        brows: brows(dice, &hidden, natural),
        ears: Ears {
            half_height: dice.bell(12.5, 1.3) + 2.0 * hidden.age,
            stand: dice.bell(4.4, 1.5).max(1.2),
            ring: {
                let metal = dice.pick([
                    (display([226, 190, 96]), 1.0),
                    (display([214, 216, 222]), 1.0),
                    (BLACK, 0.2),
                ]);
                let worn = dice.chance(mix(0.08, 0.55, hidden.feminine));
                (if worn { dice.between(1.0, 3.2) } else { 0.0 }, metal)
            },
        },
        hair: hair(dice, &hidden, natural),
        beard: beard(dice, &hidden, natural),
        frames: Frames {
            lens: at(dice.bell(14.0, 1.0), dice.bell(10.5, 1.5)),
            corner: dice.between(3.0, 9.5),
            rim: dice.pick([(0.7, 1.0), (1.3, 1.0), (2.2, 1.0)]),
            colour: dice.pick([
                (BLACK, 3.0),
                (CHESTNUT, 1.0),
                (display([170, 172, 180]), 1.0),
                (display([190, 150, 70]), 1.0),
                (display([120, 30, 44]), 0.5),
                (display([36, 62, 110]), 0.5),
            ]),
            habitual: dice.chance(0.12 + 0.25 * hidden.age),
        },
        head,
        skin,
        eyes,
        nose,
        mouth,
    }
}

fn head(dice: &mut Dice, hidden: &Hidden) -> Head {
    let masculine = 1.0 - hidden.feminine;
    Head {
        half_width: dice.bell(37.8, 2.5) + masculine,
        chin: dice.bell(42.0, 2.6) + 1.6 * masculine,
        taper: dice.bell(mix(0.12, 0.24, hidden.feminine), 0.08),
        squareness: unit(dice.bell(mix(0.65, 0.30, hidden.feminine), 0.22)),
        temple: dice.bell(0.06, 0.05),
        depth: dice.bell(33.0, 1.5),
        cheekbones: unit(dice.bell(0.5, 0.25)),
        cleft: if dice.chance(0.15 + 0.15 * masculine) { dice.between(0.3, 1.0) } else { 0.0 },
    }
}

fn skin(dice: &mut Dice, hidden: &Hidden) -> Skin {
    let base = ramp(&SKIN, hidden.melanin);
    // Warmth: from rosy (-1) to golden (+1) at equal lightness.
    let warmth = dice.between(-1.0, 1.0);
    let colour = [base[0], base[1] * (1.0 + 0.04 * warmth), base[2] * (1.0 - 0.12 * warmth)];
    let spot = |dice: &mut Dice| at(dice.between(-28.0, 28.0), dice.between(-42.0, 34.0));
    let mole_count = dice.pick([(0, 4.0), (1, 3.0), (2, 2.0), (3, 1.0)]);
    Skin {
        melanin: hidden.melanin,
        colour,
        blush: dice.between(0.2, 1.0) * mix(1.0, 0.35, hidden.melanin),
        gloss: dice.between(0.2, 1.0),
        freckles: if dice.chance(0.32 * (1.0 - hidden.melanin)) {
            dice.between(0.35, 1.0)
        } else {
            0.0
        },
        wrinkles: unit(hidden.age * 1.3 - 0.35 + dice.bell(0.0, 0.1)),
        eye_bags: unit(dice.bell(0.25 + 0.3 * hidden.age, 0.2)),
        moles: (0..mole_count)
            .map(|_| Mole { at: spot(dice), radius: dice.between(0.5, 1.25) })
            .collect(),
        scar: dice.chance(0.08).then(|| {
            let from = spot(dice);
            (from, at(from.x + dice.bell(0.0, 5.0), from.y + dice.between(5.0, 13.0)))
        }),
    }
}

/// The natural colour of hair, brows and beard; grey with age.
fn hair_colour(dice: &mut Dice, hidden: &Hidden) -> Rgb {
    let light = smooth(0.62, 0.1, hidden.melanin);
    let young = dice.pick([
        (BLACK, 1.0 + 2.0 * (1.0 - light)),
        (DARK_BROWN, 1.4),
        (BROWN, 0.2 + 1.2 * light),
        (CHESTNUT, 0.9 * light),
        (LIGHT_BROWN, 1.1 * light),
        (BLOND, 1.1 * light),
        (FLAXEN, 0.5 * light),
        (RED, 0.7 * light),
    ]);
    let young = scale(young, dice.between(0.8, 1.2));
    let onset = dice.bell(0.62, 0.14);
    let white = dice.chance(0.4);
    mix_rgb(young, if white { WHITE } else { GREY }, smooth(onset - 0.18, onset + 0.2, hidden.age))
}

fn eyes(dice: &mut Dice, hidden: &Hidden) -> Eyes {
    let apart = dice.bell(17.6, 1.1);
    let height = dice.bell(-20.3, 1.0);
    let uneven = dice.bell(0.0, 0.35);
    let light = smooth(0.6, 0.1, hidden.melanin);
    let iris = dice.pick([
        (display([58, 36, 24]), 1.6 + 2.0 * (1.0 - light)),
        (display([98, 62, 34]), 1.0),
        (display([130, 104, 54]), 0.8 * light),
        (display([92, 118, 76]), 0.9 * light),
        (display([84, 124, 164]), 1.4 * light),
        (display([128, 146, 156]), 0.7 * light),
    ]);
    let made_up = dice.chance(0.5 * hidden.feminine);
    let shadow = dice.pick([
        (display([120, 70, 60]), 2.0),
        (display([88, 66, 110]), 1.0),
        (display([60, 92, 120]), 0.7),
        (display([176, 132, 84]), 1.0),
    ]);
    Eyes {
        centres: [at(-apart, height - uneven), at(apart, height + uneven)],
        half_width: dice.bell(8.6, 0.7) + 0.3 * hidden.feminine,
        opening: dice.bell(4.1, 0.65) + 0.35 * hidden.feminine - 0.5 * hidden.age,
        tilt: dice.bell(0.07, 0.07),
        iris: scale(iris, dice.between(0.8, 1.25)),
        iris_radius: dice.bell(4.0, 0.22),
        crease: if dice.chance(0.25) { dice.between(0.0, 0.25) } else { dice.between(0.5, 1.0) },
        socket: dice.between(0.3, 1.0),
        lashes: unit(
            dice.bell(mix(0.2, 0.65, hidden.feminine), 0.15) + if made_up { 0.3 } else { 0.0 },
        ),
        shadow: (shadow, if made_up { dice.between(0.2, 0.6) } else { 0.0 }),
    }
}

fn brows(dice: &mut Dice, hidden: &Hidden, natural: Rgb) -> Brows {
    Brows {
        height: dice.bell(mix(10.6, 12.3, hidden.feminine), 1.1),
        half_length: dice.bell(10.6, 1.0),
        thickness: dice.bell(mix(2.5, 1.55, hidden.feminine), 0.45).max(0.7),
        arch: dice.bell(mix(1.5, 2.6, hidden.feminine), 0.9),
        slope: dice.bell(0.03, 0.08),
        colour: mix_rgb(scale(natural, 0.65), BLACK, 0.25),
        density: unit(dice.bell(0.82, 0.12)),
        unevenness: dice.bell(0.0, 0.5),
    }
}

fn mouth(dice: &mut Dice, hidden: &Hidden, skin: &Skin) -> Mouth {
    let natural = {
        let c = skin.colour;
        mix_rgb(
            [c[0] * 0.86, c[1] * 0.52, c[2] * 0.56],
            display([104, 52, 50]),
            0.3 * hidden.melanin,
        )
    };
    let lipstick = dice.pick([
        (display([178, 34, 48]), 2.0),
        (display([206, 92, 104]), 2.0),
        (display([120, 28, 52]), 1.0),
        (display([190, 104, 84]), 1.5),
    ]);
    let painted = if dice.chance(0.5 * hidden.feminine) { dice.between(0.35, 0.9) } else { 0.0 };
    let fullness = dice.bell(mix(0.92, 1.12, hidden.feminine), 0.2) - 0.25 * hidden.age;
    Mouth {
        centre: at(dice.bell(0.0, 0.5), dice.bell(20.6, 1.3)),
        half_width: dice.bell(14.2, 1.3),
        upper: (fullness * dice.bell(3.4, 0.5)).max(1.0),
        lower: (fullness * dice.bell(4.7, 0.6)).max(1.5),
        bow: dice.between(0.1, 1.0),
        corners: dice.bell(0.3, 0.8),
        colour: mix_rgb(natural, lipstick, painted),
        tooth_gap: if dice.chance(0.15) { dice.between(0.4, 1.2) } else { 0.0 },
    }
}

#[cfg(test)]
mod tests {
    use super::super::maths::Point;
    use super::*;

    fn people() -> Vec<Identity> {
        (0..600).map(|index| sample(3, index)).collect()
    }

    #[test]
    fn the_same_numbers_give_the_same_person() {
        assert_eq!(sample(7, 123), sample(7, 123));
        assert_ne!(sample(7, 123), sample(7, 124));
        assert_ne!(sample(7, 123), sample(8, 123));
    }

    #[test]
    fn skin_spans_the_whole_range_of_tones() {
        let lightness: Vec<f32> =
            people().iter().map(|p| p.skin.colour[1].sqrt() * 255.0).collect();
        for band in [(0.0, 60.0), (60.0, 100.0), (100.0, 145.0), (145.0, 190.0), (190.0, 256.0)] {
            let share = lightness.iter().filter(|l| (band.0..band.1).contains(*l)).count();
            assert!(share > 600 / 20, "{share} people of green {band:?}");
        }
    }

    #[test]
    fn features_keep_their_order_down_the_face() {
        for person in people() {
            let [left, right] = person.eyes.centres;
            assert!(left.x < -12.0 && right.x > 12.0, "{left:?} {right:?}");
            let eye = left.y.max(right.y);
            assert!(eye - person.brows.height < eye && eye < person.nose.tip.y - 10.0);
            assert!(person.nose.tip.y + 8.0 < person.mouth.centre.y);
            assert!(person.mouth.centre.y + person.mouth.lower < person.head.chin);
            assert!(right.x + person.eyes.half_width < person.head.half_width);
        }
    }

    #[test]
    fn hidden_variables_tie_traits_together() {
        let people = people();
        let mean = |chosen: &dyn Fn(&Identity) -> bool, value: &dyn Fn(&Identity) -> f32| {
            let values: Vec<f32> = people.iter().filter(|p| chosen(p)).map(value).collect();
            values.iter().sum::<f32>() / values.len() as f32
        };
        let old = |p: &Identity| p.skin.wrinkles > 0.55;
        let young = |p: &Identity| p.skin.wrinkles < 0.1;
        assert!(mean(&old, &|p| p.brows.colour[2]) > 2.0 * mean(&young, &|p| p.brows.colour[2]));
        let dark = |p: &Identity| p.skin.melanin > 0.7;
        let light = |p: &Identity| p.skin.melanin < 0.3;
        assert!(mean(&light, &|p| p.eyes.iris[2]) > 1.5 * mean(&dark, &|p| p.eyes.iris[2]));
    }

    #[test]
    fn marks_lie_on_the_face() {
        for person in people() {
            for Mole { at: Point { x, y }, radius } in &person.skin.moles {
                assert!(x.abs() < 30.0 && (-42.0..=34.0).contains(y) && *radius < 2.0);
            }
        }
    }
}
