//! What the kernel of this machine has dropped at UDP sockets because nobody read them in time.

use std::fs;

/// The tables of UDP sockets (Linux, Documentation/networking/proc_net_tcp.rst; the last column is `drops`).
const TABLES: [&str; 2] = ["/proc/net/udp", "/proc/net/udp6"];

/// How many datagrams were dropped at the sockets of these ports; `None` when none of them is here.
pub fn drops(ports: &[u16]) -> Option<u64> {
    let tables = TABLES.map(|path| fs::read_to_string(path).unwrap_or_default());
    let found: Vec<u64> = tables.iter().flat_map(|table| drops_in(table, ports)).collect();
    (!found.is_empty()).then(|| found.iter().sum())
}

fn drops_in(table: &str, ports: &[u16]) -> Vec<u64> {
    let of_line = |line: &str| {
        let mut columns = line.split_whitespace();
        let port = columns.nth(1)?.rsplit_once(':')?.1;
        let port = u16::from_str_radix(port, 16).ok()?;
        let drops = columns.last()?.parse().ok()?;
        ports.contains(&port).then_some(drops)
    };
    table.lines().skip(1).filter_map(of_line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_known_by_its_port() {
        let table = "  sl  local_address rem_address st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode ref pointer drops\n\
            10: 0100007F:232A 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 5 2 0000 17\n\
            11: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 6 2 0000 99\n";
        assert_eq!(drops_in(table, &[9002, 1]), [17]);
        assert_eq!(drops_in(table, &[7]), [] as [u64; 0]);
    }
}
