package asset_test

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
)

// recorded reads one file of the recordings, or skips the test where they aren't.
func recorded(t *testing.T, file string, into any) {
	t.Helper()
	path := filepath.Join("..", "..", "..", "shared", "samples", file)
	body, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		t.Skip("no recording at " + path)
	}
	require.NoError(t, err)
	if strings.HasSuffix(file, ".xml") {
		require.NoError(t, xml.Unmarshal(body, into))
		return
	}
	require.NoError(t, json.Unmarshal(body, into))
}

func recordings(t *testing.T, pattern string) []string {
	t.Helper()
	root := filepath.Join("..", "..", "..", "shared", "samples")
	found, err := filepath.Glob(filepath.Join(root, pattern))
	require.NoError(t, err)
	if len(found) == 0 {
		t.Skip("no recordings at " + filepath.Join(root, pattern))
	}
	for i := range found {
		found[i], err = filepath.Rel(root, found[i])
		require.NoError(t, err)
	}
	return found
}

// said is one description with the source that gave it and how the source calls it.
type said struct {
	source, name string
	asset.Description
}

// names makes a description of what isn't empty, junk included: sorting that out is the
// business of identity.
func described(source, name string, values map[asset.IdentifierKind][]string, scope map[asset.IdentifierKind]string) said {
	d := asset.Description{Kind: asset.Host, Name: name, Zone: "corp"} // one zone for all: the worst case
	for kind, list := range values {
		for _, v := range list {
			if v != "" {
				d.Identifiers = append(d.Identifiers, asset.Identifier{Kind: kind, Scope: scope[kind], Value: v})
			}
		}
	}
	return said{source, name, d}
}

func falcon(t *testing.T) (out []said) {
	t.Helper()
	for _, file := range recordings(t, "crowdstrike-spotlight/har-*/*entities_devices*.json") {
		var page struct {
			Resources []struct {
				ID       string `json:"device_id"`
				Hostname string `json:"hostname"`
				Local    string `json:"local_ip"`
				External string `json:"external_ip"`
				MAC      string `json:"mac_address"`
				Instance string `json:"instance_id"`
				Account  string `json:"service_provider_account_id"`
				Serial   string `json:"serial_number"`
			} `json:"resources"`
		}
		recorded(t, file, &page)
		for _, r := range page.Resources {
			out = append(out, described("crowdstrike", r.Hostname, map[asset.IdentifierKind][]string{asset.AgentID: {r.ID}, asset.Hostname: {r.Hostname},
				asset.IP: {r.Local, r.External}, asset.MAC: {r.MAC}, asset.CloudInstanceID: {r.Instance}, asset.SerialNumber: {r.Serial}},
				map[asset.IdentifierKind]string{asset.CloudInstanceID: r.Account}))
		}
	}
	return out
}

func defender(t *testing.T) (out []said) {
	t.Helper()
	files := slices.Concat(recordings(t, "ms-defender-vm/har-machines-pages/*.json"), recordings(t, "ms-defender-vm/har-vulns/003*.json"))
	for _, file := range files {
		if strings.HasSuffix(file, "exchanges.json") {
			continue
		}
		var page struct {
			Value []struct {
				ID        string `json:"id"`
				Name      string `json:"computerDnsName"`
				External  string `json:"lastExternalIpAddress"`
				Merged    string `json:"mergedIntoMachineId"`
				Addresses []struct {
					IP  string `json:"ipAddress"`
					MAC string `json:"macAddress"`
				} `json:"ipAddresses"`
				VM struct {
					Resource string `json:"resourceId"`
				} `json:"vmMetadata"`
			} `json:"value"`
		}
		recorded(t, file, &page)
		for _, r := range page.Value {
			ids := map[asset.IdentifierKind][]string{asset.AgentID: {r.ID}, asset.FQDN: {r.Name}, asset.IP: {r.External}, asset.CloudResourceID: {r.VM.Resource}}
			for _, a := range r.Addresses {
				ids[asset.IP], ids[asset.MAC] = append(ids[asset.IP], a.IP), append(ids[asset.MAC], a.MAC)
			}
			s := described("mdvm", r.Name, ids, nil)
			if r.Merged != "" {
				s.SameAs = []asset.Identifier{{Kind: asset.AgentID, Value: r.Merged}}
			}
			out = append(out, s)
		}
	}
	return out
}

func qualys(t *testing.T) (out []said) {
	t.Helper()
	var assets struct {
		Hosts []struct {
			ID      string   `xml:"id"`
			Name    string   `xml:"name"`
			Host    string   `xml:"qwebHostId"`
			DNS     string   `xml:"dnsHostName"`
			Address []string `xml:"networkInterface>list>HostAssetInterface>address"`
			EC2     []struct {
				Instance string `xml:"instanceId"`
				Account  string `xml:"accountId"`
			} `xml:"sourceInfo>list>Ec2AssetSourceSimple"`
		} `xml:"data>HostAsset"`
	}
	recorded(t, "qualys-vmdr/har-steps/005_POST_qps_rest_2_0_search_am_hostasset.xml", &assets)
	require.NotEmpty(t, assets.Hosts)
	for _, h := range assets.Hosts {
		ids := map[asset.IdentifierKind][]string{asset.SourceAssetID: {h.Host}, asset.FQDN: {h.DNS}, asset.IP: h.Address}
		scope := map[asset.IdentifierKind]string{}
		for _, e := range h.EC2 {
			ids[asset.CloudInstanceID], scope[asset.CloudInstanceID] = []string{e.Instance}, e.Account
		}
		out = append(out, described("qualys", "asset "+h.Name, ids, scope),
			// The detections speak of the same host by its host ID alone.
			described("qualys", "host "+h.Host, map[asset.IdentifierKind][]string{asset.SourceAssetID: {h.Host}}, nil))
	}
	return out
}

func fleet(t *testing.T) (out []said) {
	t.Helper()
	for _, file := range recordings(t, "fleetdm/har-hosts/00[34]*.json") {
		var page struct {
			Host struct {
				UUID     string `json:"uuid"`
				Hostname string `json:"hostname"`
				Serial   string `json:"hardware_serial"`
				IP       string `json:"primary_ip"`
				MAC      string `json:"primary_mac"`
				Public   string `json:"public_ip"`
			} `json:"host"`
		}
		recorded(t, file, &page)
		h := page.Host
		out = append(out, described("fleet", h.Hostname+" "+h.UUID[:4], map[asset.IdentifierKind][]string{asset.AgentID: {h.UUID}, asset.Hostname: {h.Hostname},
			asset.SerialNumber: {h.Serial}, asset.IP: {h.IP, h.Public}, asset.MAC: {h.MAC}}, nil))
	}
	return out
}

func servicenow(t *testing.T) (out []said) {
	t.Helper()
	var page struct {
		Result []struct {
			ID     string `json:"sys_id"`
			Name   string `json:"name"`
			Serial string `json:"serial_number"`
			FQDN   string `json:"fqdn"`
			IP     string `json:"ip_address"`
			MAC    string `json:"mac_address"`
		} `json:"result"`
	}
	recorded(t, "servicenow-cmdb/har-cmdb/006_GET_api_now_table_cmdb_ci_server_sysparm_limit_3000.json", &page)
	for _, r := range page.Result {
		out = append(out, described("servicenow", r.Name, map[asset.IdentifierKind][]string{asset.SourceAssetID: {r.ID}, asset.Hostname: {r.Name},
			asset.SerialNumber: {r.Serial}, asset.FQDN: {r.FQDN}, asset.IP: {r.IP}, asset.MAC: {r.MAC}}, nil))
	}
	return out
}

func device42(t *testing.T) (out []said) {
	t.Helper()
	for _, file := range recordings(t, "device42/har-devices/0*.json") {
		var page struct {
			Devices []struct {
				ID     json.Number `json:"device_id"`
				Name   string      `json:"name"`
				Serial string      `json:"serial_no"`
				Maker  string      `json:"manufacturer"`
				UUID   string      `json:"uuid"`
				IPs    []struct {
					IP string `json:"ip"`
				} `json:"ip_addresses"`
				MACs []struct {
					MAC string `json:"mac"`
				} `json:"mac_addresses"`
			} `json:"Devices"`
		}
		recorded(t, file, &page)
		for _, r := range page.Devices {
			ids := map[asset.IdentifierKind][]string{asset.SourceAssetID: {r.ID.String()}, asset.Hostname: {r.Name}, asset.SerialNumber: {r.Serial}, asset.BIOSUUID: {r.UUID}}
			for _, a := range r.IPs {
				ids[asset.IP] = append(ids[asset.IP], a.IP)
			}
			for _, a := range r.MACs {
				ids[asset.MAC] = append(ids[asset.MAC], a.MAC)
			}
			out = append(out, described("device42", r.Name, ids, map[asset.IdentifierKind]string{asset.SerialNumber: r.Maker}))
		}
	}
	return out
}

// merges are all that the recordings may merge: one Qualys host under both of its names,
// and two machines of Defender that are in two recordings. They are of seven tenants who
// have nothing to do with each other, so every other merge would be one by junk: a MAC
// that VirtualBox gives to every first machine, 1.1.1.1, a bridge's address, "DEVICESERIAL0".
var merges = []string{
	"mdvm/instance-1.us-central1-a.c.j1-gc-integration-dev-v3.internal = mdvm/instance-1.us-central1-a.c.j1-gc-integration-dev-v3.internal",
	"mdvm/sonarqube.us-central1-a.c.j1-gc-integration-dev-v3.internal = mdvm/sonarqube.us-central1-a.c.j1-gc-integration-dev-v3.internal",
	"qualys/asset i-02751173c463c34e8 = qualys/host 107800671",
}

func TestSixRecordedInventoriesTogetherMergeWhatIsOneAndNothingElse(t *testing.T) {
	all := slices.Concat(qualys(t), falcon(t), defender(t), device42(t), servicenow(t), fleet(t))
	for _, order := range []string{"as recorded", "reversed"} {
		t.Run(order, func(t *testing.T) {
			list := slices.Clone(all)
			if order == "reversed" {
				slices.Reverse(list)
			}
			v := indexed{inventory: inventory{at: epoch}, owners: map[string][]int{}}
			of := map[asset.ID][]string{}
			for _, d := range list {
				id := v.tell(t, d)
				of[id] = append(of[id], d.source+"/"+d.name)
			}
			require.Greater(t, len(v.assets), 950)
			var got []string
			for id, names := range of {
				slices.Sort(names)
				require.Empty(t, v.assets[v.index(id)].MergedInto, "nothing had to be merged afterwards")
				if len(names) > 1 {
					got = append(got, strings.Join(names, " = "))
				}
			}
			slices.Sort(got)
			require.Equal(t, merges, got)
		})
	}
}

// indexed is an inventory that is asked by keys, as the store is.
type indexed struct {
	inventory
	owners map[string][]int
}

func (v *indexed) tell(t *testing.T, d said) asset.ID {
	t.Helper()
	v.at = v.at.Add(time.Second)
	var candidates []asset.Asset
	seen := map[int]bool{}
	for _, key := range asset.Keys(d.Description, d.source) {
		for _, i := range v.owners[key] {
			if !seen[i] {
				seen[i] = true
				candidates = append(candidates, v.assets[i])
			}
		}
	}
	r, err := asset.Resolve(d.Description, d.source, candidates, v.at)
	require.NoError(t, err)
	require.Empty(t, r.Merge, r.Why)
	at := len(v.assets)
	if r.Into == "" {
		v.assets = append(v.assets, asset.NewAsset(asset.ID(v.at.Format("150405")), d.Description, d.source, v.at))
	} else {
		at = v.index(r.Into)
		v.assets[at], _ = asset.Absorb(v.assets[at], d.Description, d.source, v.at)
	}
	for _, key := range slices.Concat(asset.Keys(d.Description, d.source), asset.LoneKeys(d.Description, d.source)) {
		if !slices.Contains(v.owners[key], at) {
			v.owners[key] = append(v.owners[key], at)
		}
	}
	return v.assets[at].ID
}

func TestMergingAnyTwoRecordedAssetsAndTakingItBackGivesBothBackApart(t *testing.T) {
	all := slices.Concat(qualys(t), falcon(t), defender(t), servicenow(t)[:10], device42(t)[:40], fleet(t))
	v := indexed{inventory: inventory{at: epoch}, owners: map[string][]int{}}
	for _, d := range all {
		v.tell(t, d)
	}
	for i := range v.assets {
		for j := range v.assets[:i] {
			a, b := asset.PickSurvivor(v.assets[i], v.assets[j])
			merged, gone, ev := asset.Merge(a, b, "a mistake", v.at)
			rest, part, _, err := asset.Undo(merged, gone, ev, "it was one", v.at)
			require.NoError(t, err)
			asset.KeepApart(&rest, &part, "ann", "it was one", v.at)
			_, apart := asset.ApartFrom(&rest, &part)
			require.True(t, apart)
			for _, pair := range [][2]asset.Asset{{a, rest}, {b, part}} {
				was, is := pair[0], pair[1]
				is.Version, is.UpdatedAt, is.Apart, is.Born, is.Former = was.Version, was.UpdatedAt, was.Apart, was.Born, was.Former
				require.Equal(t, was, is)
			}
		}
	}
}
