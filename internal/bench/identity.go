package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/quellsec/quell/internal/asset"
)

const (
	aimIdentity = 50_000 // descriptions a second, on one core
	// What a description of a million may cost against one of a hundred thousand: more would
	// not be linear. The caches of a core are what makes it more than one.
	aimLinear = 1.5
)

// identityFigures measures finding the asset of a description: five sources describe the
// same machines, each by other names, in the same inventory.
func (b *bench) identityFigures(ctx context.Context) error {
	if !b.wants("identity") {
		return nil
	}
	var per [2]float64
	for i, size := range []int{100_000, 1_000_000} {
		n := b.scaled(size)
		o, err := inChild(ctx, task{Kind: "identity", Findings: n, Profile: b.profile(fmt.Sprintf("identity_%dk", size/1000))}, 1, b.log)
		if err != nil {
			return err
		}
		per[i] = o.CPU / float64(n)
		b.note("identity: %d descriptions became %.0f assets, peak %.0f MB", n, o.Values["assets"], o.PeakMB)
		b.figure(Figure{Name: fmt.Sprintf("identity_%dk", size/1000), Value: float64(n) / o.CPU, Unit: "descriptions/s", Aim: aimIdentity})
	}
	b.figure(Figure{Name: "identity_linear", Value: per[1] / per[0], Unit: "ratio", Aim: aimLinear, Most: true})
	return nil
}

// sourcesOfMachines are how many sources describe each machine.
const sourcesOfMachines = 5

// described is what one of the five sources says of a machine: a cloud, an agent, a
// network scanner, a CMDB and a name server.
func described(machine, source int, at time.Time) (asset.Description, string) {
	id := func(kind asset.IdentifierKind, scope, format string) asset.Identifier {
		return asset.Identifier{Kind: kind, Scope: scope, Value: fmt.Sprintf(format, machine)}
	}
	fqdn := id(asset.FQDN, "", "web-%d.quell-lab.net")
	ip := asset.Identifier{Kind: asset.IP, Scope: "dc1", Value: address(machine)}
	instance := id(asset.CloudInstanceID, "aws/123456789012/eu-central-1", "i-%017x")
	d := asset.Description{Kind: asset.Host, Name: fqdn.Value, Zone: "dc1", SeenAt: at, OS: "Debian 13", Tags: map[string]string{"env": "prod"}}
	switch source {
	case 0:
		d.Identifiers = []asset.Identifier{id(asset.CloudResourceID, "", "arn:aws:ec2:eu-central-1:123456789012:instance/i-%017x"), instance, ip}
	case 1:
		d.Identifiers = []asset.Identifier{id(asset.AgentID, "falcon", "aid-%d"), instance, fqdn}
	case 2:
		d.Identifiers = []asset.Identifier{fqdn, ip}
	case 3:
		d.Identifiers = []asset.Identifier{id(asset.SourceAssetID, "cmdb", "sys-%d"), id(asset.SerialNumber, "dell", "SN%08d"), fqdn}
	default:
		d.Identifiers = []asset.Identifier{fqdn}
	}
	return d, [...]string{"aws", "falcon", "nessus", "cmdb", "dns"}[source]
}

// inventory does what ingest does with Resolve, over maps in place of a store, so that
// what is measured is identity and no database.
type inventory struct {
	owners map[string]asset.ID
	assets map[asset.ID]asset.Asset
	merged int
}

func (v *inventory) take(d asset.Description, source string, at time.Time) error {
	keys := asset.Keys(d, source)
	var candidates []asset.Asset
	seen := map[asset.ID]bool{}
	for _, k := range keys {
		if id, ok := v.owners[k]; ok && !seen[id] {
			seen[id] = true
			candidates = append(candidates, v.assets[id])
		}
	}
	r, err := asset.Resolve(d, source, candidates, at)
	if err != nil {
		return err
	}
	id := r.Into
	if id == "" {
		id = asset.ID(fmt.Sprintf("01%024d", len(v.assets)))
		v.assets[id] = asset.NewAsset(id, d, source, at)
	} else {
		v.assets[id], _ = asset.Absorb(v.assets[id], d, source, at)
	}
	v.merged += len(r.Merge)
	for _, k := range keys {
		if _, taken := v.owners[k]; !taken {
			v.owners[k] = id
		}
	}
	return nil
}

// identities lets five sources describe machines one after the other.
func identities(_ context.Context, t task) (outcome, error) {
	machines := max(1, t.Findings/sourcesOfMachines)
	v := &inventory{owners: make(map[string]asset.ID, 8*machines), assets: make(map[asset.ID]asset.Asset, machines)}
	watch, err := start()
	if err != nil {
		return outcome{}, err
	}
	for source := range sourcesOfMachines {
		at := reportTime.Add(time.Duration(source) * time.Hour)
		for machine := range machines {
			d, name := described(machine, source, at)
			if err := v.take(d, name, at); err != nil {
				return outcome{}, err
			}
		}
	}
	o, err := watch.stop()
	if err != nil {
		return o, err
	}
	if len(v.assets) != machines || v.merged != 0 {
		return o, fmt.Errorf("resolving %d machines: they became %d assets with %d merges", machines, len(v.assets), v.merged)
	}
	o.Values = map[string]float64{"assets": float64(len(v.assets))}
	return o, nil
}
