//! What the kernel of this machine has dropped at UDP sockets because nobody read them in time.

use std::fs;

/// The tables of UDP sockets (Linux, Documentation/networking/proc_net_tcp.rst; the last column is `drops`).
const TABLES: [&str; 2] = ["/proc/net/udp", "/proc/net/udp6"];

/// How often the tables are read at most: where sockets come and go meanwhile, a reading may skip one that is there
/// all the time.
const READINGS: usize = 5;

/// How many datagrams were dropped at the sockets of these ports; `None` when none of them is here.
pub fn drops(ports: &[u16]) -> Option<u64> {
    let tables = || TABLES.map(|path| fs::read_to_string(path).unwrap_or_default()).concat();
    let found = found(ports, tables);
    (!found.is_empty()).then(|| found.iter().map(|(_, drops)| drops).sum())
}

/// The ports and drops of their sockets, of which a port may have several: from the fullest reading, and of two
/// that are as full from the later one, which are enough where every port is in them.
fn found(ports: &[u16], mut tables: impl FnMut() -> String) -> Vec<(u16, u64)> {
    let mut fullest: Vec<(u16, u64)> = Vec::new();
    for _ in 0..READINGS {
        let found = drops_in(&tables(), ports);
        let is_sure = found.len() == fullest.len()
            && ports.iter().all(|wanted| found.iter().any(|(port, _)| port == wanted));
        if found.len() >= fullest.len() {
            fullest = found;
        }
        if is_sure {
            break;
        }
    }
    fullest
}

fn drops_in(table: &str, ports: &[u16]) -> Vec<(u16, u64)> {
    let of_line = |line: &str| {
        let mut columns = line.split_whitespace();
        let port = columns.nth(1)?.rsplit_once(':')?.1;
        let port = u16::from_str_radix(port, 16).ok()?;
        let drops = columns.last()?.parse().ok()?;
        ports.contains(&port).then_some((port, drops))
    };
    table.lines().filter_map(of_line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "  sl  local_address rem_address st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode ref pointer drops\n";
    const OURS: &str =
        "10: 0100007F:232A 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 5 2 0000 17\n";
    const ANOTHER: &str =
        "11: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 6 2 0000 99\n";

    #[test]
    fn a_socket_is_known_by_its_port() {
        let table = [HEAD, OURS, ANOTHER].concat();
        assert_eq!(drops_in(&table, &[9002, 1]), [(9002, 17)]);
        assert_eq!(drops_in(&table, &[7]), []);
    }

    #[test]
    fn a_socket_that_a_reading_has_skipped_is_looked_for_again() {
        let (part, whole) = ([HEAD, ANOTHER].concat(), [HEAD, OURS, ANOTHER].concat());
        let mut readings = [&part, &whole, &whole].into_iter().cloned();
        let found = found(&[9002, 53], || readings.next().expect("three are enough"));
        assert_eq!(found, [(9002, 17), (53, 99)]);
    }

    /// Several threads of one service share a port.
    #[test]
    fn one_of_several_at_a_port_that_was_skipped_is_looked_for_again_too() {
        let (part, whole) = ([HEAD, OURS].concat(), [HEAD, OURS, OURS].concat());
        for readings in [[&part, &whole, &whole], [&whole, &part, &whole]] {
            let mut readings = readings.into_iter().chain([&whole]).cloned();
            let found = found(&[9002], || readings.next().expect("four are enough"));
            assert_eq!(found, [(9002, 17), (9002, 17)]);
        }
    }

    #[test]
    fn a_socket_that_is_not_here_is_not_looked_for_for_ever() {
        let mut readings = 0;
        let found = found(&[7, 53], || {
            readings += 1;
            ANOTHER.to_owned()
        });
        assert_eq!((found, readings), (vec![(53, 99)], READINGS));
    }
}
