package main

import (
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/owner"
)

// person is who a command is about, by all the names that are given. The store knows nobody's name: only whoever has the key and the
// name finds what is kept of somebody.
type person struct {
	logins, authors, addresses []string
}

func (p *person) flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&p.logins, "login", nil, "`login` in Grafana; a git author of that name, e-mail or local part of the e-mail is meant too; may be repeated")
	cmd.Flags().StringArrayVar(&p.authors, "author", nil, "git `author`, as under authors: \"Bob B <bob@corp.example>\"; may be repeated")
	cmd.Flags().StringArrayVar(&p.addresses, "address", nil, "network `address` that somebody asked from; may be repeated")
}

// digests are those by which the store finds the person, by how each was given.
func (p *person) digests(key activity.Key) (map[activity.Digest]string, error) {
	if len(p.logins)+len(p.authors)+len(p.addresses) == 0 {
		return nil, usageErrorf("nobody is named\nhint: --login alice, --author \"Alice A <alice@corp.example>\" or --address 10.1.2.3")
	}
	found := map[activity.Digest]string{}
	for _, login := range p.logins {
		if login == "" {
			return nil, usageErrorf("--login is empty\nhint: write it as Grafana does: --login alice")
		}
		for _, d := range key.Member(login, "") {
			found[d] = "login"
		}
	}
	for _, entry := range p.authors {
		digests := owner.AuthorDigests(entry, key)
		if len(digests) == 0 {
			return nil, usageErrorf("--author names nobody\nhint: write a name, an e-mail, or both: --author \"Alice A <alice@corp.example>\"")
		}
		for _, d := range digests {
			found[d] = "author"
		}
	}
	for _, text := range p.addresses {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return nil, usageErrorf("--address is no network address\nhint: write one address, without a prefix's length: --address 10.1.2.3")
		}
		addr = addr.Unmap().WithZone("")
		for _, k := range key.All() {
			found[k.Prefix(netip.PrefixFrom(addr, addr.BitLen()))] = "address"
		}
	}
	return found, nil
}
