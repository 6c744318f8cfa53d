//! The URL of a server.

use crate::rtmp::url::ServerUrl;

/// A text is refused, or means the same when it is read again; what is shown of it ends at the port.
pub fn server_url(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(url) = text.parse::<ServerUrl>() else { return };
    assert_eq!(url.expose_tc_url().parse().as_ref(), Ok(&url));
    assert!(!url.host().is_empty() && url.port() != 0);

    let shown = url.to_string();
    assert_eq!(shown, format!("{url:?}").trim_start_matches("ServerUrl(").trim_end_matches(')'));
    let server = shown.strip_suffix('…').unwrap_or_else(|| panic!("{shown} goes on behind the port"));
    let of_server: ServerUrl = server.parse().unwrap_or_else(|error| panic!("{server}: {error}"));
    assert_eq!(
        (of_server.scheme(), of_server.host(), of_server.port(), of_server.expose_app()),
        (url.scheme(), url.host(), url.port(), ""),
    );
    // The app is the end of the text, to the letter.
    assert!(text.trim().trim_end_matches('/').ends_with(url.expose_app().trim_end_matches('/')));
}
