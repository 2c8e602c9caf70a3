//! How the nuisances of a photograph are drawn within a [`Difficulty`].

use super::dice::{Dice, Purpose};
use super::identity::Identity;
use super::maths::{Rgb, at, display, mix_rgb, normalise, ramp, scale};
use super::shot::{Difficulty, Expression, Film, Light, Pose, Scene, Shot, Worn};

impl Shot {
    /// Photograph number `number` of `person`. Odds and ranges come from `difficulty`; the stream does not, so a
    /// change of one setting leaves the other nuisances alone.
    pub fn draw(person: &Identity, number: u64, difficulty: &Difficulty) -> Self {
        let dice = &mut person.dice(Purpose::Shot, number);
        Self {
            pose: pose(dice, difficulty),
            number,
            expression: expression(dice, difficulty.expression),
            light: light(dice, difficulty.light),
            film: film(dice, difficulty),
            scene: scene(dice),
            worn: worn(dice, person, difficulty),
        }
    }
}

fn pose(dice: &mut Dice, difficulty: &Difficulty) -> Pose {
    Pose {
        // Most photographs are nearly frontal: a bell whose two-deviation mark is the limit, cut there.
        yaw: dice.bell(0.0, 0.55).clamp(-1.0, 1.0) * difficulty.yaw,
        pitch: dice.bell(0.0, 0.5).clamp(-1.0, 1.0) * difficulty.pitch,
        roll: dice.between(-1.0, 1.0) * difficulty.roll,
        zoom: 1.0 + dice.between(-1.0, 1.0) * difficulty.zoom,
        shift: [
            dice.between(-1.0, 1.0) * difficulty.shift,
            dice.between(-1.0, 1.0) * difficulty.shift,
        ],
    }
}

fn expression(dice: &mut Dice, strength: f32) -> Expression {
    let smiling = dice.pick([(0.0, 1.0), (0.5, 1.0), (1.0, 1.0), (-0.35, 0.4)]);
    let talking = dice.pick([(0.0, 2.2), (0.25, 1.0), (0.9, 0.5)]);
    let blinking = dice.pick([(0.0, 12.0), (0.55, 1.5), (1.0, 0.5)]);
    Expression {
        open: strength * talking * dice.between(0.6, 1.0),
        smile: strength * smiling * dice.between(0.6, 1.0),
        brow_raise: strength * dice.bell(0.1, 0.35).clamp(-0.6, 1.0),
        lids: 1.0 - strength * (blinking - dice.between(-0.15, 0.2)),
        gaze: at(dice.bell(0.0, 0.4) * strength, dice.bell(0.0, 0.25) * strength),
    }
}

fn light(dice: &mut Dice, strength: f32) -> Light {
    let aside = dice.between(-1.25, 1.25) * strength;
    let above = -0.45 + dice.bell(0.0, 0.5) * strength;
    let warmth = dice.between(-1.0, 1.0) * strength;
    let tint = |warmth: f32| [1.0 + 0.22 * warmth, 1.0 + 0.03 * warmth, 1.0 - 0.26 * warmth];
    let key = dice.between(0.72, 0.98) + 0.1 * strength;
    let room = 0.42 - dice.between(0.0, 0.26) * strength;
    let cool = dice.between(-0.7, 0.7) * strength;
    let shadow = dice.chance(0.22 * strength);
    let edge = (
        normalise([dice.between(-1.0, 1.0), dice.between(-0.6, 0.6), 0.0]),
        dice.between(-26.0, 26.0),
    );
    let remains = dice.between(0.25, 0.6);
    Light {
        direction: normalise([aside, above, 1.0]),
        key: scale(tint(warmth), key),
        ambient: [scale(tint(cool), room), scale(tint(0.3 + cool), room * 0.6)],
        shadow: shadow.then_some((at(edge.0[0], edge.0[1]), edge.1, remains)),
    }
}

fn film(dice: &mut Dice, difficulty: &Difficulty) -> Film {
    let spread = difficulty.exposure;
    // Exposure in stops would need a power; the square of a linear factor is as good a skewed spread.
    let gain = 1.0 + dice.bell(0.0, 0.17) * spread;
    let sharp = dice.unit();
    let noisy = dice.unit();
    let compressed = dice.chance(difficulty.compression_odds);
    let step = dice.between(6.0, 20.0);
    Film {
        exposure: gain * gain,
        contrast: 1.0 + dice.bell(0.0, 0.15) * spread,
        saturation: (1.0 + dice.bell(-0.1, 0.25) * spread).max(0.0),
        blur: sharp * sharp * difficulty.blur,
        noise: noisy * noisy * difficulty.noise,
        compression: if compressed { step } else { 0.0 },
    }
}

fn scene(dice: &mut Dice) -> Scene {
    const WALLS: [Rgb; 8] = [
        display([222, 218, 208]),
        display([150, 176, 196]),
        display([96, 120, 100]),
        display([60, 66, 78]),
        display([188, 150, 118]),
        display([206, 196, 168]),
        display([120, 90, 84]),
        display([168, 190, 158]),
    ];
    const CLOTHS: [Rgb; 8] = [
        display([38, 44, 58]),
        display([226, 226, 222]),
        display([124, 36, 40]),
        display([52, 88, 132]),
        display([78, 96, 66]),
        display([196, 166, 92]),
        display([92, 84, 96]),
        display([24, 24, 26]),
    ];
    let wall = ramp(&WALLS, dice.unit());
    let other = ramp(&WALLS, dice.unit());
    Scene {
        upper: scale(wall, dice.between(0.7, 1.1)),
        lower: scale(mix_rgb(wall, other, dice.between(0.0, 0.6)), dice.between(0.5, 1.0)),
        object: (
            at(dice.between(-70.0, 70.0), dice.between(-80.0, 50.0)),
            dice.between(8.0, 40.0),
            scale(other, dice.between(0.4, 1.3)),
        ),
        cloth: scale(ramp(&CLOTHS, dice.unit()), dice.between(0.8, 1.2)),
        neckline: dice.between(2.0, 26.0),
    }
}

fn worn(dice: &mut Dice, person: &Identity, difficulty: &Difficulty) -> Worn {
    const FABRICS: [Rgb; 5] = [
        display([196, 214, 226]),
        display([34, 36, 42]),
        display([122, 40, 48]),
        display([58, 84, 116]),
        display([190, 176, 140]),
    ];
    let unusual = dice.chance(difficulty.glasses_odds);
    let (clear, dark) = (dice.between(0.02, 0.12), dice.between(0.6, 0.92));
    let tint = dice.pick([(clear, 9.0), (dark, 1.0)]);
    let hat = dice.chance(difficulty.hat_odds);
    let (hat_colour, hat_edge) = (ramp(&FABRICS, dice.unit()), dice.between(-46.0, -37.0));
    let peaked = dice.chance(0.4);
    let mask = dice.chance(difficulty.mask_odds);
    let (mask_colour, mask_edge) =
        (ramp(&FABRICS, dice.between(0.0, 0.5)), dice.between(-12.0, -3.0));
    let hand = dice.chance(difficulty.hand_odds);
    let side = if dice.chance(0.5) { 1.0 } else { -1.0 };
    let tips = at(side * dice.between(2.0, 26.0), dice.between(2.0, 32.0));
    Worn {
        glasses: (unusual != person.frames.habitual).then_some(tint),
        hat: hat.then_some((hat_colour, hat_edge, peaked)),
        mask: mask.then_some((mask_colour, mask_edge)),
        hand: hand.then_some((tips, side)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shots(difficulty: &Difficulty) -> Vec<Shot> {
        (0..40)
            .flat_map(|person| {
                let person = Identity::draw(1, person);
                (0..10).map(|n| Shot::draw(&person, n, difficulty)).collect::<Vec<_>>()
            })
            .collect()
    }

    #[test]
    fn nuisances_stay_within_the_difficulty() {
        let difficulty = Difficulty::default();
        let shots = shots(&difficulty);
        for shot in &shots {
            assert!(
                shot.pose.yaw.abs() <= difficulty.yaw && shot.pose.pitch.abs() <= difficulty.pitch
            );
            assert!(shot.pose.shift.iter().all(|s| s.abs() <= difficulty.shift));
            assert!(shot.film.blur <= difficulty.blur && shot.film.noise <= difficulty.noise);
        }
        let widest = shots.iter().map(|s| s.pose.yaw.abs()).fold(0.0, f32::max);
        assert!(widest > 0.9 * difficulty.yaw, "{widest}");
        let hats = shots.iter().filter(|s| s.worn.hat.is_some()).count();
        assert!((8..50).contains(&hats), "{hats} hats in 400 shots");
    }

    #[test]
    fn one_setting_leaves_the_other_nuisances_alone() {
        let person = Identity::draw(1, 2);
        let plain = Shot::draw(&person, 4, &Difficulty::default());
        let masked =
            Shot::draw(&person, 4, &Difficulty { mask_odds: 1.0, ..Difficulty::default() });
        assert!(masked.worn.mask.is_some());
        assert_eq!(
            (plain.pose, plain.light, plain.scene),
            (masked.pose, masked.light, masked.scene)
        );
    }

    #[test]
    fn habitual_wearers_mostly_keep_their_glasses_on() {
        let worn = |habitual: bool| {
            let chosen: Vec<_> = (0..200)
                .map(|i| Identity::draw(2, i))
                .filter(|p| p.frames.habitual == habitual)
                .collect();
            let with = chosen
                .iter()
                .filter(|p| Shot::draw(p, 0, &Difficulty::default()).worn.glasses.is_some())
                .count();
            with as f32 / chosen.len() as f32
        };
        assert!(worn(true) > 0.75 && worn(false) < 0.25);
    }
}
