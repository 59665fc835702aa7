//! The machine that the figures were found on, and how far it was ours alone.

use std::fs;

use crate::options::Options;

/// On what machine, and in what kind of run.
pub fn describe(options: &Options) -> String {
    let run = options.pick(
        "full run",
        "quick run, a smoke test: do not quote these figures",
    );
    let processor = processor_name().unwrap_or_else(|| "unknown processor".to_owned());
    format!("Machine: {} cores ({processor}); {run}.", options.cores)
}

fn processor_name() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Processor time so far, in the kernel's ticks.
pub struct Usage {
    /// Used by any program.
    busy: f64,
    /// Wanted by some program, but given by the host to another virtual machine.
    stolen: f64,
    /// Used by this process and the servers that it has started and seen end.
    ours: f64,
}

impl Usage {
    /// `None` where the kernel does not say.
    pub fn now() -> Option<Self> {
        let all = fs::read_to_string("/proc/stat").ok()?;
        // In order: user, nice, system, idle, iowait, irq, softirq, steal.
        let [user, nice, system, _, _, irq, softirq, stolen, ..] =
            ticks(all.lines().next()?.strip_prefix("cpu")?)[..]
        else {
            return None;
        };
        let own = fs::read_to_string("/proc/self/stat").ok()?;
        // Behind the name, which may hold anything, and the state: user and system time are the
        // eleventh and twelfth number, and those of ended children follow.
        let own = ticks(own.rsplit_once(") ")?.1.get(1..)?);
        let ours = own.get(10..14)?.iter().sum();
        Some(Self {
            busy: user + nice + system + irq + softirq,
            stolen,
            ours,
        })
    }

    /// What part of the time went elsewhere, which says how far to trust the table.
    pub fn disturbance(&self, since: &Self) -> String {
        let busy = self.busy - since.busy;
        let stolen = self.stolen - since.stolen;
        let others = (busy - (self.ours - since.ours)).max(0.0);
        let wanted = (busy + stolen).max(1.0);
        let (others, stolen) = (100.0 * others / wanted, 100.0 * stolen / wanted);
        format!(
            "Of the processor time meanwhile, other programs took {others:.0} % and the host of a \
             virtual machine {stolen:.1} %; with more than a few per cent, measure again."
        )
    }
}

fn ticks(line: &str) -> Vec<f64> {
    line.split_whitespace()
        .filter_map(|tick| tick.parse().ok())
        .collect()
}
