//! Pieces of HTML: escaped text, pictures, tables.

use super::Table;
use crate::data::FaceImage;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

/// Text made safe between tags and inside double-quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// An `img` that carries its own pixels, or an empty frame for an image whose bytes do not match its size.
pub(super) fn picture(image: &FaceImage, alt: &str) -> String {
    match png(image) {
        Some(bytes) => format!(
            "<img alt=\"{}\" width=\"64\" height=\"64\" src=\"data:image/png;base64,{}\">",
            escape(alt),
            STANDARD.encode(bytes)
        ),
        None => format!(
            "<span class=\"frame\" role=\"img\" aria-label=\"{}, no picture\"></span>",
            escape(alt)
        ),
    }
}

fn png(image: &FaceImage) -> Option<Vec<u8>> {
    let (width, height) = (u32::try_from(image.width).ok()?, u32::try_from(image.height).ok()?);
    let bytes = image.width.checked_mul(image.height)?.checked_mul(3)?;
    if bytes == 0 || bytes != image.rgb.len() {
        return None;
    }
    let mut file = Vec::new();
    let encoder = PngEncoder::new(&mut file);
    encoder.write_image(&image.rgb, width, height, ExtendedColorType::Rgb8).ok()?;
    Some(file)
}

/// A table that scrolls sideways by itself when it is wider than the screen.
pub(super) fn table(table: &Table) -> String {
    let head: String = table
        .columns
        .iter()
        .map(|name| format!("<th scope=\"col\">{}</th>", escape(name)))
        .collect();
    let body: String = table
        .rows
        .iter()
        .map(|cells| {
            let cells: String = (0..table.columns.len())
                .map(|column| {
                    let text = escape(cells.get(column).map_or("", String::as_str));
                    if column == 0 {
                        format!("<th scope=\"row\">{text}</th>")
                    } else {
                        format!("<td>{text}</td>")
                    }
                })
                .collect();
            format!("<tr>{cells}</tr>\n")
        })
        .collect();
    format!(
        "<div class=\"scroll\"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>\n"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn escapes_all_five_characters() {
        assert_eq!(
            escape(r#"<a href="x" id='y'>&"#),
            "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;"
        );
        assert_eq!(escape("plain, ±0.1 °"), "plain, ±0.1 °");
    }

    #[test]
    fn a_picture_carries_its_pixels() {
        let rgb: Vec<u8> = (0..2 * 3 * 3).map(|i| i * 14).collect();
        let html = picture(&FaceImage { width: 3, height: 2, rgb: rgb.clone() }, "A \"B\"");
        assert!(html.contains("alt=\"A &quot;B&quot;\""));
        let encoded = html.split("base64,").nth(1).unwrap().split('"').next().unwrap();
        let decoded =
            image::load_from_memory(&STANDARD.decode(encoded).unwrap()).unwrap().to_rgb8();
        assert_eq!((decoded.width(), decoded.height()), (3, 2));
        assert_eq!(decoded.into_raw(), rgb);
    }

    #[test]
    fn a_picture_of_the_wrong_size_is_an_empty_frame() {
        for image in [
            FaceImage { width: 3, height: 2, rgb: vec![0; 17] },
            FaceImage { width: 0, height: 0, rgb: vec![] },
            FaceImage { width: usize::MAX, height: 2, rgb: vec![] },
        ] {
            assert!(picture(&image, "x").starts_with("<span class=\"frame\""));
        }
    }

    #[test]
    fn short_rows_are_filled() {
        let html = table(&Table {
            columns: vec!["file".into(), "size".into()],
            rows: vec![vec!["a<b".into()], vec!["c".into(), "1".into(), "dropped".into()]],
        });
        assert!(html.contains("<th scope=\"row\">a&lt;b</th><td></td>"));
        assert!(html.contains("<th scope=\"row\">c</th><td>1</td></tr>"));
    }
}
