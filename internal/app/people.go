package app

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/connectors/inbox"
	"github.com/quellsec/quell/connectors/localtracker"
	"github.com/quellsec/quell/internal/fault"
)

// namedTracker is the tracker that tickets go to, with the name that remediations record.
type namedTracker struct {
	connectors.Tracker
	name string
}

// people opens the tracker and the notifier: those configured, else the built-in ones.
func (a *app) people() (namedTracker, connectors.Notifier, error) {
	tracker := namedTracker{Tracker: localtracker.New(a.store, localtracker.Config{}, now), name: "builtin"}
	for _, t := range a.cfg.Trackers {
		instance, err := open(t.Name, t.Connector, t.Config, a)
		if err != nil {
			return tracker, nil, err
		}
		opened, ok := instance.(connectors.Tracker)
		if !ok {
			return tracker, nil, fault.New(fault.Invalid, "opening tracker %s: connector %s keeps no tickets", t.Name, t.Connector)
		}
		tracker = namedTracker{Tracker: opened, name: t.Name}
	}
	var notifier connectors.Notifier = inbox.New(a.store, now)
	for _, n := range a.cfg.Notifiers {
		instance, err := open(n.Name, n.Connector, n.Config, a)
		if err != nil {
			return tracker, nil, err
		}
		opened, ok := instance.(connectors.Notifier)
		if !ok {
			return tracker, nil, fault.New(fault.Invalid, "opening notifier %s: connector %s sends no messages", n.Name, n.Connector)
		}
		notifier = opened
	}
	return tracker, notifier, nil
}

func open(name, connector string, config any, a *app) (connectors.Instance, error) {
	registration, err := builtin.Find(connector)
	if err != nil {
		return nil, err
	}
	instance, err := registration.Open(connectors.Env{Source: name, Log: a.log.With("connector", name), Now: now, Keep: a.store}, config)
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "opening "+name)
	}
	return instance, nil
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}
