package demo

import (
	"io/fs"
	"os"
	"path/filepath"

	"github.com/quellsec/quell/internal/fault"
)

// prepare writes the configuration, the webhook token and the templates into dir.
func prepare(dir string) error {
	templates := filepath.Join(dir, "templates")
	if err := os.MkdirAll(templates, 0o700); err != nil {
		return fault.New(fault.Internal, "making the demo's folders: %w", err)
	}
	err := fs.WalkDir(files, "templates", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := files.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(templates, filepath.Base(path)), body, 0o600)
	})
	if err != nil {
		return fault.New(fault.Internal, "writing the demo's templates: %w", err)
	}
	token := filepath.Join(dir, "webhook.token")
	for path, text := range map[string]string{filepath.Join(dir, "demo.yaml"): configuration(token), token: hookToken} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return fault.New(fault.Internal, "writing the demo's configuration: %w", err)
		}
	}
	return nil
}
