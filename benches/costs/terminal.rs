//! From the start of the program in a pseudoterminal to its first whole frame.

pub(super) fn run() -> anyhow::Result<()> {
    anyhow::bail!("the terminal program is not there yet")
}
