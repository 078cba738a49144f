package store_test

import (
	"testing"

	"github.com/quellsec/quell/internal/store/storetest"
)

func TestSQLiteKeepsTheStoresPromises(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) string { t.Helper(); return "sqlite:" + t.TempDir() })
}

func TestMongoDBKeepsTheStoresPromises(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.MongoDB(t))
}
