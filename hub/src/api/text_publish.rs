//! What is published where, as a person reads it before and after agreeing to it.

use super::{PublicationInfo, Publications, TopicInfo};

pub(super) fn publications(list: &Publications) -> String {
    if list.publications.is_empty() {
        return "Nothing is published. Begin with: wattseal publish add mqtt://HOST".into();
    }
    list.publications.iter().map(publication).collect()
}

fn publication(one: &PublicationInfo) -> String {
    let state = match (&one.state.why, one.state.up) {
        _ if one.ended => "ended; nothing is published".to_owned(),
        (_, true) => "connected".to_owned(),
        (Some(why), false) => format!("not connected: {why}"),
        (None, false) if one.state.running => "being connected".to_owned(),
        (None, false) => "no gateway is running".to_owned(),
    };
    let what: Vec<&str> = one.what.iter().map(|what| what.name()).collect();
    let mut text = format!("publication {}  {}  {state}\n", one.publication, one.address);
    if one.ended {
        text.push_str("  Allow it again by adding it, or take back with remove what the broker may still keep:\n");
        one.topics.iter().for_each(|topic| text.push_str(&format!("    {}\n", topic.topic)));
        return text;
    }
    text.push_str(&format!("  allowed: {}; every {} s at most\n", what.join(", "), one.every));
    for warning in &one.warnings {
        text.push_str(&format!("  ! {warning}\n"));
    }
    text.push_str("  Published is exactly this:\n");
    let mut meter = None;
    for topic in &one.topics {
        if topic.meter != meter {
            meter.clone_from(&topic.meter);
            let (name, device) = (topic.meter.as_deref(), topic.device.as_deref());
            text.push_str(&format!("  {} (there: {})\n", name.unwrap_or_default(), device.unwrap_or_default()));
        }
        text.push_str(&self::topic(topic));
    }
    if one.topics.iter().all(|topic| topic.meter.is_none()) {
        text.push_str(
            "  No meter has shown anything yet; each value that is allowed then has topics of its own here.\n",
        );
    }
    text.push_str("  The broker keeps no reading: only availability and descriptions are retained.\n");
    text
}

fn topic(topic: &TopicInfo) -> String {
    let unit = topic.unit.as_ref().map(|unit| format!(" in {unit}")).unwrap_or_default();
    let kept = if topic.retained { ", retained" } else { "" };
    format!("    {}\n      {}{unit}, {}{kept}\n      tells {}\n", topic.topic, topic.entity, topic.when, topic.tells)
}
