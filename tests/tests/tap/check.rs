//! Holds exchanges against the list, and searches them for secrets.

use std::collections::HashSet;

use crate::exchange::{Exchange, Message};
use crate::form::{self, any};
use crate::list::{Body, Kind, kinds, refusal};
use crate::secrets::Secrets;

/// What may cross, and what must not.
pub struct Check {
    kinds: Vec<Kind>,
    /// The published tariffs.
    tariffs: Vec<Vec<u8>>,
    secrets: Secrets,
}

impl Check {
    /// A check with these tariffs; `bills` is the longest bill, `totals` whether what registers took was asked for.
    pub fn new(bills: usize, totals: bool, tariffs: Vec<Vec<u8>>, secrets: Secrets) -> Self {
        Self { kinds: kinds(bills, totals), tariffs, secrets }
    }

    /// Everything that should not have crossed, with its name; empty when there is nothing.
    pub fn faults(&self, exchange: &Exchange) -> Vec<String> {
        let mut faults: Vec<String> = self.listed(exchange).err().into_iter().collect();
        for (end, bytes) in [("request", &exchange.request), ("answer", &exchange.response)] {
            faults.extend(self.secrets.found_in(bytes).map(|secret| format!("{end}: {secret}")));
        }
        if let Some(certificate) = &exchange.certificate {
            faults.extend(self.secrets.found_in(certificate).map(|secret| format!("certificate: {secret}")));
        }
        let (method, path) = exchange.asked();
        faults.into_iter().map(|fault| format!("{method} {path}: {fault}")).collect()
    }

    /// The kind of an exchange.
    pub fn kind(&self, exchange: &Exchange) -> Option<&Kind> {
        let (method, path) = exchange.asked();
        self.kinds.iter().find(|kind| kind.method == method && fits(kind.path, &path))
    }

    fn listed(&self, exchange: &Exchange) -> Result<(), String> {
        let request = Message::read(&exchange.request).map_err(|problem| format!("request: {problem}"))?;
        let kind = self.kind(exchange).ok_or("not a listed method and path")?;
        let (method, path) = exchange.asked();
        if request.start != format!("{method} {path} HTTP/1.1") {
            return Err("request line: more than method, path and version".into());
        }
        if exchange.certificate.is_some() != kind.key {
            return Err("the household's certificate is shown where it is not listed, or the other way round".into());
        }
        // It says nothing but its key; hub::provider::key makes all of them alike.
        if exchange.certificate.as_ref().is_some_and(|der| der.len() > 260) {
            return Err("certificate: larger than stated".into());
        }
        if exchange.request.len() > kind.most.0 {
            return Err(format!("request: {} bytes, at most {} are stated", exchange.request.len(), kind.most.0));
        }
        if exchange.response.len() > kind.most.1 {
            return Err(format!("answer: {} bytes, at most {} are stated", exchange.response.len(), kind.most.1));
        }
        let typed = match &kind.asks {
            Body::Empty => None,
            Body::Json(_) => Some("application/json"),
            Body::Cbor(_) | Body::Tariff => Some("application/cbor"),
        };
        headers(&request, typed, &["host"])?;
        let mut integers = self.body(&kind.asks, request.body).map_err(|problem| format!("request {problem}"))?;
        if !exchange.response.is_empty() {
            let response = Message::read(&exchange.response).map_err(|problem| format!("answer: {problem}"))?;
            integers.extend(self.answer(kind, &response).map_err(|problem| format!("answer {problem}"))?);
        }
        match integers.iter().find(|integer| self.secrets.is_rare(**integer)) {
            Some(integer) => Err(format!("the number {integer} is a reading, a register or a total")),
            None => Ok(()),
        }
    }

    fn answer(&self, kind: &Kind, response: &Message<'_>) -> Result<Vec<i128>, String> {
        let code = response.start.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap_or_default();
        if code == "200" {
            let cbor = matches!(kind.answers, Body::Cbor(_) | Body::Tariff);
            headers(
                response,
                Some(if cbor { "application/cbor" } else { "application/json" }),
                &["date", "connection"],
            )?;
            return self.body(&kind.answers, response.body);
        }
        headers(response, Some("application/json"), &["date", "connection", "retry-after"])?;
        let refusals = [false, true].map(|verdict| form::check(response.body, &refusal(verdict)));
        let [plain, judged] = refusals;
        if kind.name == "bill" { plain.or(judged) } else { plain }
    }

    fn body(&self, form: &Body, bytes: &[u8]) -> Result<Vec<i128>, String> {
        match form {
            Body::Empty if bytes.is_empty() => Ok(Vec::new()),
            Body::Empty => Err("body: there is none on the list".into()),
            Body::Json(form) => form::check(bytes, form),
            Body::Cbor(shapes) => any(bytes, shapes, "body"),
            Body::Tariff if self.tariffs.iter().any(|tariff| tariff == bytes) => Ok(Vec::new()),
            Body::Tariff => Err("body: not a published tariff".into()),
        }
    }
}

/// Headers by name and form: those of a body, and `more`; each at most once, and no other.
fn headers(message: &Message<'_>, kind: Option<&str>, more: &[&str]) -> Result<(), String> {
    let mut seen = HashSet::new();
    for (name, value) in &message.headers {
        let right = match *name {
            "content-type" => Some(*value) == kind,
            "content-length" => *value == message.body.len().to_string() && (kind.is_some() || *value == "0"),
            "host" => more.contains(name) && *value == "provider.wattseal",
            // As in: Sun, 01 Mar 2026 00:00:00 GMT
            "date" => more.contains(name) && value.len() == 29 && value.ends_with(" GMT"),
            "connection" => more.contains(name) && *value == "close",
            "retry-after" => more.contains(name) && value.parse::<u32>().is_ok_and(|seconds| seconds <= 86_400),
            _ => return Err(format!("header {name}: not a listed header")),
        };
        if !right || !seen.insert(*name) {
            return Err(format!("header {name}: not of the listed form"));
        }
    }
    Ok(())
}

/// Whether a path fits a pattern, part by part.
fn fits(pattern: &str, path: &str) -> bool {
    let (patterns, parts): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    patterns.len() == parts.len()
        && patterns.iter().zip(parts).all(|(pattern, part)| match *pattern {
            "{32}" => part.len() == 64 && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)),
            "{n}" => part.parse::<u64>().is_ok_and(|n| n.to_string() == part),
            other => other == part,
        })
}
