package connectors

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHostIdentifiersKeepWeakWhatOthersCanHaveToo(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		names []string
		ips   []string
		macs  []string
		want  string
	}{
		{name: "a DNS name is strong, in lower case", names: []string{"WWW.Example.ORG."}, want: "fqdn||www.example.org"},
		{name: "a bare name is weak", names: []string{"DB1"}, want: "hostname|dc1|db1"},
		{name: "a private suffix is weak", names: []string{"db1.corp.local", "r.fritz.box", "x.localdomain"}, want: "hostname|dc1|db1.corp.local hostname|dc1|r.fritz.box hostname|dc1|x.localdomain"},
		{name: "a name made from the address is weak", names: []string{"ec2-3-88-1-2.compute-1.amazonaws.com"}, ips: []string{"3.88.1.2"}, want: "hostname|dc1|ec2-3-88-1-2.compute-1.amazonaws.com ip|dc1|3.88.1.2"},
		{name: "a name made from the reversed address is weak", names: []string{"002.1.88.3.dsl.example.net"}, ips: []string{"3.88.1.2"}, want: "hostname|dc1|002.1.88.3.dsl.example.net ip|dc1|3.88.1.2"},
		{name: "an address as a name is an address", names: []string{"10.0.0.1"}, want: "ip|dc1|10.0.0.1"},
		{name: "junk is left out", names: []string{"localhost", "localhost.localdomain", "", "a b", "192.168.1.1001", "a..b", "<script>"}, ips: []string{"0.0.0.0", "fe80::1%eth0", "224.0.0.1", "[REDACTED]"}, macs: []string{"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "000000000000", "x"}, want: ""},
		{name: "loopback stays, for sources that speak of their own machine", ips: []string{"127.0.0.2", "::1"}, want: "ip|dc1|127.0.0.2 ip|dc1|::1"},
		{name: "MACs and addresses are normalized, sorted and unique", ips: []string{"2001:DB8::1", "::ffff:10.0.0.1", "10.0.0.1"}, macs: []string{"02-42-0E-7A-F2-27", "02:42:0e:7a:f2:27"}, want: "mac|dc1|02:42:0e:7a:f2:27 ip|dc1|10.0.0.1 ip|dc1|2001:db8::1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, id := range HostIdentifiers("dc1", tt.names, tt.ips, tt.macs) {
				got = append(got, id.Key())
			}
			require.Equal(t, tt.want, strings.Join(got, " "))
		})
	}
}
