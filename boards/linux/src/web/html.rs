//! Text to HTML. Whatever is not markup of these files goes through [`Text`].

use super::session::Session;
use core::fmt::{Display, Formatter, Result};

/// A text in an element or a quoted attribute.
pub(super) struct Text<T>(pub(super) T);

impl<T: Display> Display for Text<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for character in self.0.to_string().chars() {
            match character {
                '&' => f.write_str("&amp;"),
                '<' => f.write_str("&lt;"),
                '>' => f.write_str("&gt;"),
                '"' => f.write_str("&quot;"),
                '\'' => f.write_str("&#39;"),
                other => core::fmt::Write::write_char(f, other),
            }?;
        }
        Ok(())
    }
}

/// Pages of the menu: path and name.
const MENU: [(&str, &str); 6] = [
    ("/", "Live"),
    ("/people", "People"),
    ("/attempts", "Attempts"),
    ("/rates", "Rates"),
    ("/health", "Health"),
    ("/audit", "Log"),
];

/// A whole page with the menu.
pub(super) fn page(session: &Session, path: &str, title: &str, body: &str) -> String {
    let link = |(to, name): &(&str, &str)| {
        let here = if *to == path { " aria-current=\"page\"" } else { "" };
        format!("<a href=\"{to}\"{here}>{name}</a>")
    };
    let menu: String = MENU.iter().map(link).collect();
    let header = format!(
        "<header><nav aria-label=\"Pages\">{menu}</nav><form method=\"post\" action=\"/logout\">{}\
         <button class=\"quiet\">Sign out <small>{}</small></button></form></header>",
        csrf(session),
        session.role
    );
    document(title, &header, body)
}

/// A page for whoever is not signed in.
pub(super) fn plain(title: &str, body: &str) -> String {
    document(title, "", body)
}

fn document(title: &str, header: &str, body: &str) -> String {
    let title = Text(title);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\">\
         <title>{title} · Door</title><link rel=\"icon\" href=\"/icon.svg\" type=\"image/svg+xml\">\
         <link rel=\"stylesheet\" href=\"/style.css\"><script src=\"/app.js\" defer></script></head>\
         <body>{header}<main><h1>{title}</h1>\n{body}\n</main></body></html>\n"
    )
}

/// What every form must bring.
pub(super) fn csrf(session: &Session) -> String {
    format!("<input type=\"hidden\" name=\"csrf\" value=\"{}\">", Text(&session.csrf))
}

/// A time that the browser shows as its own, and as UTC without a script.
pub(super) fn time(utc_ms: Option<u64>) -> String {
    match utc_ms {
        Some(ms) => {
            let text = crate::audit::utc_text(ms);
            format!("<time datetime=\"{0}\">{0}</time>", Text(text))
        }
        None => "time unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_markup() {
        let text = Text("<script>alert('a' & \"b\")</script> Zoë").to_string();
        assert_eq!(text, "&lt;script&gt;alert(&#39;a&#39; &amp; &quot;b&quot;)&lt;/script&gt; Zoë");
    }

    #[test]
    fn a_time_is_utc_in_the_markup() {
        let text = time(Some(1_764_190_800_000));
        assert!(text.contains("2025-11-26T21:00:00"), "{text}");
        assert_eq!(time(None), "time unknown");
    }
}
