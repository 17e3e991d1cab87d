//! A disk that is full and a home that may not be written: the gateway says so, loses nothing, and catches up.
//!
//! The home lies on a small disk of its own in memory, which only root can have; for anybody else there is no test.

use std::path::PathBuf;
use std::process::Command;

use crate::stored::{blocks, held};
use crate::world::Town;

/// A small disk.
struct Disk(PathBuf);

impl Disk {
    /// None without root's rights.
    fn new(town: &Town, name: &str) -> Option<Self> {
        if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
            println!("SKIPPED: only root can have a disk that is full");
            return None;
        }
        let disk = Self(town.path(name));
        std::fs::create_dir(&disk.0).unwrap();
        mount(&["-t", "tmpfs", "-o", "size=620k", "tmpfs", disk.0.to_str().unwrap()]);
        Some(disk)
    }

    fn change(&self, how: &str) {
        mount(&["-o", &format!("remount,{how}"), self.0.to_str().unwrap()]);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(arguments: &[&str]) {
    assert!(Command::new("mount").args(arguments).status().unwrap().success(), "mount {arguments:?}");
}

#[test]
fn a_full_disk_is_told_and_everything_comes_once_there_is_space() {
    let town = Town::new();
    let Some(disk) = Disk::new(&town, "home") else { return };
    let kind = ["--household", "7", "--pv", "0", "--gas", "3", "--days", "200", "--outage-limit", "0"];
    let mut meter = town.meter("m", &[&kind[..], &["--tcp", "127.0.0.1:0"]].concat());
    let tcp = meter.wait("a line", |e| e["event"] == "listening")["address"].as_str().unwrap().to_owned();
    let mut gateway = town.home("home");
    town.pair("home", &format!("tcp://{tcp}"), &mut meter);
    assert!(meter.stop().success());
    let mut meter = town.meter("m", &[&kind[..], &["--tcp", &tcp, "--catch-up", "2026-09-01"]].concat());
    meter.wait("a line again", |e| e["event"] == "listening");
    let all = held(&town.path("m"));

    let told = gateway.wait("word of the disk", |e| e["event"] == "attention" && e["code"] == "disk-full");
    assert!(told["message"].as_str().unwrap().contains("disk"), "{told}");
    // It runs and answers, and what it had announced before is there.
    let stored = |e: &&serde_json::Value| e["event"] == "stored";
    let announced: u64 = gateway.all().iter().filter(stored).map(|e| e["blocks"].as_u64().unwrap()).sum();
    let there = blocks(&town.status("home"));
    assert!(there >= announced && there < all, "{announced} announced, {there} there of {all}");
    disk.change("size=64m");
    town.until("everything", &["wattseal", "--home", "home", "status"], |status| blocks(status) == all);
    assert!(gateway.stop().success());
    town.same("home", &["m"]);

    // A home that may not be written is told at once; nothing in it changes, and later it opens as before.
    disk.change("ro");
    let (code, said) = town.run(&["wattseal", "--home", "home", "run"], "");
    assert_eq!((code, &said["error"]["code"]), (Some(3), &"not-writable".into()), "{said}");
    disk.change("rw");
    assert!(town.gateway("home").stop().success());
    town.same("home", &["m"]);
}
