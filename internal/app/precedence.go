package app

import (
	"encoding/json"

	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/config"
	"github.com/quellsec/quell/internal/fault"
)

// precedence is whose word on an asset holds: the configuration's lists, and which of the
// sources are inventories.
func precedence(cfg *config.Config) (*asset.Precedence, error) {
	p := &asset.Precedence{Lists: cfg.Precedence.Lists(), Sources: make(map[string]asset.Origin, len(cfg.Sources))}
	for i := range cfg.Sources {
		s := &cfg.Sources[i]
		reg, err := builtin.Find(s.Connector)
		if err != nil {
			return nil, err
		}
		p.Sources[s.Name] = asset.Origin{Connector: s.Connector, Inventory: reg.Inventory}
	}
	return p, nil
}

// precedenceDigest names what the assets were settled by.
func precedenceDigest(cfg *config.Config) (string, error) {
	p, err := precedence(cfg)
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return "", fault.Wrap(fault.Internal, err, "noting what assets are settled by")
	}
	return digestOf(raw), nil
}
