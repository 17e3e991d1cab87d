//! One request and its answer as they passed, and their parts.

/// What passed over one connection, above TLS.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Every byte that the household sent.
    pub request: Vec<u8>,
    /// Every byte that the provider answered; none when it was away.
    pub response: Vec<u8>,
    /// The certificate that the household showed.
    pub certificate: Option<Vec<u8>>,
}

/// An HTTP message in its parts.
#[derive(Debug)]
pub struct Message<'a> {
    /// The first line.
    pub start: &'a str,
    /// The headers as they were written.
    pub headers: Vec<(&'a str, &'a str)>,
    /// The body.
    pub body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Takes a message apart.
    pub fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").ok_or("a message without the end of its head")?;
        let head = std::str::from_utf8(&bytes[..end]).map_err(|_| "a head that is no text")?;
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap_or_default();
        let headers = lines
            .map(|line| line.split_once(": ").ok_or_else(|| format!("a header without a name: {line:?}")))
            .collect::<Result<_, _>>()?;
        Ok(Self { start, headers, body: &bytes[end + 4..] })
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

impl Exchange {
    /// Method, path and length of the body asked for, for tables.
    pub fn asked(&self) -> (String, String) {
        let line = Message::read(&self.request).map(|m| m.start.to_owned()).unwrap_or_default();
        let mut words = line.split(' ');
        (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned())
    }

    /// Whether it is a request of this method and path.
    pub fn is(&self, method: &str, path: &str) -> bool {
        self.asked() == (method.to_owned(), path.to_owned())
    }

    /// The status of the answer.
    pub fn status(&self) -> u16 {
        let start = Message::read(&self.response).map(|m| m.start.to_owned()).unwrap_or_default();
        start.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }
}
