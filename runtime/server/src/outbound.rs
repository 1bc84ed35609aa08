//! Where requests of tenants may go inside: which private networks the operator opens, and to whom. And beside them, whom tenants'
//! callers may be handed over to: `transfers`, of which [`TransferPolicy`] says what they are.
//!
//! Tenants do not trust one another, and what listens in a private network often trusts whoever reaches it: a network is open
//! to the tenants that are named beside it, and to nobody else. Where there is no directory every tenant is the operator's own,
//! and a network can be opened to all of them at once.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use parloir_connect::{AddressRange, Names, Outbound, SystemNames};
use parloir_contract::TenantId;
use parloir_tenancy::destinations::{Prefix, TransferPolicy};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::config::Config;

/// Where requests of tenants' connectors and to their receivers may go inside, and where their callers may be handed over to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct OutboundConfig {
    /// Networks that may be reached though they are private, and by `http://`, each with whose requests may go there. Default:
    /// none.
    pub allow_private: Vec<Opened>,
    /// What is dialled beyond and within what lines list. Default: no premium-rate numbers and the like.
    pub transfers: TransferPolicy,
}

/// A private network that is opened, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Opened {
    /// `"10.1.2.3/32"`: to every tenant of the operator's file. Not where there is a directory, whose tenants are strangers.
    ToAll(AddressRange),
    /// `{ network = "10.1.2.3/32", tenants = ["cabinet"] }`: to these alone.
    To(OpenedTo),
}

/// A private network, and the tenants whose requests may go there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OpenedTo {
    /// Such as `10.1.2.3/32`.
    pub network: AddressRange,
    /// Of the operator's file or of the directory.
    pub tenants: Vec<TenantId>,
}

impl<'de> Deserialize<'de> for Opened {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Opened;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a network such as \"10.1.2.3/32\", or { network = \"10.1.2.3/32\", tenants = [\"…\"] }",
                )
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Opened, E> {
                text.parse().map(Opened::ToAll).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Opened, A::Error> {
                OpenedTo::deserialize(MapAccessDeserializer::new(map)).map(Opened::To)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl OutboundConfig {
    /// What opens nothing, or not to whom it seems to: the first such thing, with what to write.
    pub(crate) fn check(&self, config: &Config) -> Result<(), String> {
        self.check_transfers(config)?;
        for opened in &self.allow_private {
            match opened {
                Opened::ToAll(network) if config.admin.is_some() => {
                    return Err(format!(
                        "[outbound] `allow-private` opens {network} to every tenant, and with [admin] tenants are strangers: \
                         name those whose requests may go there, {{ network = \"{network}\", tenants = [\"…\"] }}"
                    ));
                }
                Opened::ToAll(_) => {}
                Opened::To(OpenedTo { network, tenants }) if tenants.is_empty() => {
                    return Err(format!(
                        "[outbound] `allow-private` opens {network} to nobody: name one of its `tenants`, or take it out"
                    ));
                }
                Opened::To(OpenedTo { network, tenants }) => {
                    let is_here = |id: &TenantId| config.tenants.iter().any(|tenant| tenant.id == *id);
                    // With a directory, who is not here may be there.
                    let stranger = tenants.iter().find(|id| config.admin.is_none() && !is_here(id));
                    if let Some(stranger) = stranger {
                        return Err(format!(
                            "[outbound] `allow-private` opens {network} to {stranger}, and there is no [[tenant]] of this id: add one"
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// What of transfers allows nothing, or to whom there is not.
    fn check_transfers(&self, config: &Config) -> Result<(), String> {
        self.transfers.check()?;
        let is_here = |id: &TenantId| config.tenants.iter().any(|tenant| tenant.id == *id);
        // With a directory, who is not here may be there.
        let stranger = self.transfers.named().find(|(_, id)| config.admin.is_none() && !is_here(id));
        if let Some((prefix, stranger)) = stranger {
            return Err(format!(
                "[outbound] `transfers`: `allow` opens {prefix} to {stranger}, and there is no [[tenant]] of this id: add one"
            ));
        }
        Ok(())
    }

    /// Whose lines of the file name what is not dialled, each with what to do: they are answered, and nobody is handed over there.
    pub(crate) fn undialled<'a>(&self, config: &'a Config) -> Vec<(&'a TenantId, String)> {
        let mut undialled = Vec::new();
        for tenant in &config.tenants {
            let dials = self.transfers.of(&tenant.id);
            for line in &tenant.lines {
                if let Some(problem) = dials.problem(line) {
                    undialled.push((&tenant.id, format!("line {}: {problem}", line.number)));
                }
            }
        }
        undialled
    }

    /// Those who may dial what nobody else may and whom nobody knows, each with how that begins.
    fn strange_callers(&self, is_known: impl Fn(&TenantId) -> bool) -> Vec<(&Prefix, &TenantId)> {
        self.transfers.named().filter(|(_, tenant)| !is_known(tenant)).collect()
    }

    /// Those to whom a network is opened and whom nobody knows, neither the operator's file nor the directory: most often a tenant whose
    /// id is written otherwise. Each with the network.
    pub fn strangers(&self, is_known: impl Fn(&TenantId) -> bool) -> Vec<(AddressRange, TenantId)> {
        let mut strangers = Vec::new();
        for opened in &self.allow_private {
            let Opened::To(OpenedTo { network, tenants }) = opened else { continue };
            let unknown = tenants.iter().filter(|tenant| !is_known(tenant));
            strangers.extend(unknown.map(|tenant| (*network, tenant.clone())));
        }
        strangers
    }

    /// Says in the log who they are. A tenant may be described later, and has the network then.
    pub fn warn_of_strangers(&self, is_known: impl Fn(&TenantId) -> bool) {
        for (prefix, tenant) in self.strange_callers(&is_known) {
            tracing::warn!(
                %tenant,
                %prefix,
                "[outbound] `transfers` allows a prefix to a tenant that there is not: write its id as `parloir tenant list` does, or take it out"
            );
        }
        for (network, tenant) in self.strangers(is_known) {
            tracing::warn!(
                %tenant,
                %network,
                "[outbound] `allow-private` opens a network to a tenant that there is not: write its id as `parloir tenant list` does, or take it out"
            );
        }
    }
}

/// The private networks that each tenant's requests may go to.
#[derive(Debug, Clone)]
pub(crate) struct Networks {
    to_all: Vec<AddressRange>,
    /// All that are open to whoever is named beside one.
    named: HashMap<TenantId, Vec<AddressRange>>,
}

impl Networks {
    pub(crate) fn new(config: &Config) -> Self {
        let opened = &config.outbound.allow_private;
        let to_all = opened.iter().filter_map(|opened| match opened {
            // Also where nobody checked the file.
            Opened::ToAll(network) if config.admin.is_none() => Some(*network),
            Opened::ToAll(_) | Opened::To(_) => None,
        });
        let to_all: Vec<AddressRange> = to_all.collect();
        let mut named: HashMap<TenantId, Vec<AddressRange>> = HashMap::new();
        for opened in opened {
            let Opened::To(OpenedTo { network, tenants }) = opened else { continue };
            for tenant in tenants.iter().collect::<BTreeSet<_>>() {
                named.entry(tenant.clone()).or_insert_with(|| to_all.clone()).push(*network);
            }
        }
        Self { to_all, named }
    }

    /// Those that are open to a tenant.
    pub(crate) fn of(&self, tenant: &TenantId) -> &[AddressRange] {
        self.named.get(tenant).unwrap_or(&self.to_all)
    }
}

/// Who knows the addresses of names, where nobody else is given: the system.
pub(crate) fn system() -> Arc<dyn Names> {
    Arc::new(SystemNames)
}

/// The clients of tenants' requests: one for those to whom the same networks are open. A connection stays open for the next
/// request to the same name, so that with one client for all it would carry that of a tenant who may not be there.
pub(crate) struct Clients {
    networks: Networks,
    /// By what they may reach.
    clients: Vec<(Vec<AddressRange>, Outbound)>,
    /// Of whoever is named nowhere.
    common: Outbound,
}

impl Clients {
    /// Those of a configuration, which ask these for the addresses of names.
    ///
    /// # Errors
    /// Where TLS cannot be set up: why.
    pub(crate) fn new(config: &Config, names: &Arc<dyn Names>) -> Result<Self, String> {
        let networks = Networks::new(config);
        let client = |open: &[AddressRange]| Outbound::new(open.to_vec(), Arc::clone(names));
        let common = client(&networks.to_all)?;
        let mut clients: Vec<(Vec<AddressRange>, Outbound)> = Vec::new();
        for open in networks.named.values() {
            if !clients.iter().any(|(other, _)| other == open) {
                clients.push((open.clone(), client(open)?));
            }
        }
        Ok(Self { networks, clients, common })
    }

    /// A tenant's, with a share of the look-ups of their own.
    pub(crate) fn of(&self, tenant: &TenantId) -> Outbound {
        let open = self.networks.of(tenant);
        let found = self.clients.iter().find(|(reached, _)| reached == open);
        found.map_or(&self.common, |(_, client)| client).apart()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        toml::from_str(text).unwrap()
    }

    fn open(text: &str, tenant: &str) -> Vec<String> {
        let networks = Networks::new(&config(text));
        networks.of(&tenant.parse().unwrap()).iter().map(AddressRange::to_string).collect()
    }

    const NAMED: &str = "{ network = \"10.1.2.0/24\", tenants = [\"cabinet\", \"cabinet\"] }";

    #[test]
    fn a_network_is_open_to_whoever_is_named_beside_it_and_to_nobody_else() {
        for directory in ["", "[admin]\n"] {
            let text = format!("{directory}[outbound]\nallow-private = [{NAMED}]\n");
            assert_eq!(open(&text, "cabinet"), ["10.1.2.0/24"], "{text}");
            assert_eq!(open(&text, "garage"), Vec::<String>::new(), "{text}");
        }
        assert_eq!(open("", "cabinet"), Vec::<String>::new());
    }

    #[test]
    fn one_without_tenants_is_open_to_all_of_the_file_and_to_nobody_of_a_directory() {
        let text = format!("[outbound]\nallow-private = [{NAMED}, \"fd00::/8\"]\n");
        assert_eq!(open(&text, "cabinet"), ["fd00::/8", "10.1.2.0/24"]);
        assert_eq!(open(&text, "garage"), ["fd00::/8"]);
        let text = format!("[admin]\n{text}");
        assert_eq!(open(&text, "cabinet"), ["10.1.2.0/24"]);
        assert_eq!(open(&text, "garage"), Vec::<String>::new());
    }

    #[test]
    fn what_would_open_nothing_or_to_strangers_is_refused_with_what_to_write() {
        let table = [
            (
                "[admin]\n[outbound]\nallow-private = [\"10.1.2.3/32\"]\n",
                "network = \"10.1.2.3/32\", tenants =",
            ),
            ("[outbound]\nallow-private = [{ network = \"10.1.2.3/32\", tenants = [] }]\n", "to nobody"),
            (
                "[outbound]\nallow-private = [{ network = \"10.1.2.3/32\", tenants = [\"garage\"] }]\n",
                "no [[tenant]] of this id",
            ),
        ];
        for (text, said) in table {
            let problem = config(text).check().unwrap_err();
            assert!(problem.contains(said), "{text}: {problem}");
        }
        let known = format!("[outbound]\nallow-private = [{NAMED}]\n[[tenant]]\nid = \"cabinet\"\n");
        let elsewhere = format!("[admin]\n[outbound]\nallow-private = [{NAMED}]\n");
        for text in [known, elsewhere] {
            assert_eq!(config(&text).check(), Ok(()), "{text}");
        }
    }

    #[test]
    fn whom_nobody_knows_is_told_with_the_network_that_is_opened_to_them() {
        let text = "[admin]\n[outbound]\nallow-private = [{ network = \"10.1.2.3/32\", tenants = [\"cabinet\", \"cabinte\"] }]\n";
        let strangers = config(text).outbound.strangers(|tenant| tenant.as_str() == "cabinet");
        let told: Vec<_> = strangers.iter().map(|(network, tenant)| format!("{network} {tenant}")).collect();
        assert_eq!(told, ["10.1.2.3/32 cabinte"]);
    }

    #[test]
    fn an_entry_of_another_form_says_which_there_are() {
        let table = [
            ("[outbound]\nallow-private = [10]\n", "tenants = ["),
            ("[outbound]\nallow-private = [{ network = \"10.1.2.3/32\" }]\n", "tenants"),
            ("[outbound]\nallow-private = [{ network = \"10.1.2.3\", tenants = [] }]\n", "as in 10.1.2.3/32"),
            ("[outbound]\nallow-private = [{ network = \"10.1.2.3/32\", tenants = [\"A\"] }]\n", "a-z"),
            ("[outbound]\nallow-private = [{ network = \"10.1.2.3/32\", tenant = \"a\" }]\n", "tenant"),
        ];
        for (text, said) in table {
            let problem = toml::from_str::<Config>(text).unwrap_err().message().to_owned();
            assert!(problem.contains(said), "{text}: {problem}");
        }
    }

    #[test]
    fn a_line_of_the_file_that_names_what_is_not_dialled_is_told_with_what_to_write_and_keeps_nobody() {
        let undialled = |text: &str| {
            let config = config(text);
            assert_eq!(config.check(), Ok(()), "{text}");
            let found = config.outbound.undialled(&config).into_iter();
            found.map(|(tenant, problem)| format!("{tenant}: {problem}")).collect::<Vec<_>>()
        };
        let text = |transfers: &str, line: &str| {
            format!(
                "[outbound]\ntransfers = {{ {transfers} }}\n[[tenant]]\nid = \"cabinet\"\n[[tenant.line]]\n\
                 number = \"+33199000001\"\nagent = \"a.wasm\"\n{line}\n"
            )
        };
        let premium = "fallback-number = \"+33899123456\"";
        let told = undialled(&text("", premium));
        let said = "cabinet: line +33199000001: `fallback-number` is +33899123456";
        assert!(told[0].starts_with(said) && told[0].contains("`allow` of [outbound]"), "{told:?}");
        let told = undialled(&text("only = [\"+33\"]", "transfer-to = [\"+44\"]"));
        assert!(told[0].contains("`transfer-to`") && told[0].contains("`only` of [outbound]"), "{told:?}");
        for transfers in
            ["allow = [\"+33899\"]", "allow = [{ prefix = \"+33899\", tenants = [\"cabinet\"] }]"]
        {
            assert_eq!(undialled(&text(transfers, premium)), Vec::<String>::new(), "{transfers}");
        }
        let to_nobody = "allow = [{ prefix = \"+33899\", tenants = [\"garage\"] }]";
        let problem = config(&text(to_nobody, "")).check().unwrap_err();
        assert!(problem.contains("+33899 to garage") && problem.contains("no [[tenant]]"), "{problem}");
        let directory = config(&format!("[admin]\n{}", text(to_nobody, "")));
        assert_eq!(directory.check(), Ok(()));
        let strangers = directory.outbound.strange_callers(|tenant| tenant.as_str() == "cabinet");
        let told: Vec<_> = strangers.iter().map(|(prefix, tenant)| format!("{prefix} {tenant}")).collect();
        assert_eq!(told, ["+33899 garage"]);
    }

    #[test]
    fn what_is_read_is_written_as_it_was() {
        let transfers = "transfers = { allow = [\"+33825\", { prefix = \"+33826\", tenants = [\"a\"] }], only = [\"+33\"] }";
        let read =
            config(&format!("[outbound]\n{transfers}\nallow-private = [\"fd00::/8\", {NAMED}]\n")).outbound;
        let written = toml::to_string(&read).unwrap();
        assert_eq!(toml::from_str::<OutboundConfig>(&written).unwrap(), read, "{written}");
    }

    #[test]
    fn those_to_whom_the_same_is_open_share_a_client_and_nobody_else() {
        let text = "[admin]\n[outbound]\nallow-private = [{ network = \"10.1.2.3/32\", tenants = [\"a\", \"b\"] }, \
                    { network = \"10.1.2.4/32\", tenants = [\"b\", \"c\", \"d\"] }]\n";
        let clients = Clients::new(&config(text), &system()).unwrap();
        assert_eq!(clients.clients.len(), 3, "of a, of b, of c and d");
        let networks = |tenant: &str| format!("{:?}", clients.of(&tenant.parse().unwrap()));
        assert!(networks("b").contains("2 networks") && networks("e").contains("0 networks"));
    }
}
