package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/quellsec/quell/internal/cli"
)

const commandsIntro = `# The command line

Tables are for people; ` + "`--json`" + ` is for programs, one object a line for lists. Colours are used on a terminal only, and never where
` + "`NO_COLOR`" + ` is set. ` + "`quell completion bash|zsh|fish|powershell`" + ` prints what a shell needs to complete commands, exposures and tickets.

The operator's verbs find the daemon in ` + "`--url`" + ` and ` + "`--token-file`" + `, else in ` + "`QUELL_URL`" + ` and ` + "`QUELL_TOKEN`" + `, else in what
` + "`quell dev`" + ` left in ` + "`.quell`" + ` of the working directory.

| exit status | meaning |
|---|---|
| 0 | done |
| 1 | the input is wrong, or something broke |
| 2 | the command line is wrong |
| 3 | there is no such thing |
| 4 | the token is missing or may not do this |
| 5 | the state does not allow this |
| 6 | the daemon does not answer, or wants to be asked later |
| 130 | interrupted |

`

func commandsPage() string {
	root := cli.New(cli.Deps{
		Dev:    func(context.Context, cli.DevOptions) error { return nil },
		Serve:  func(context.Context, cli.DaemonOptions) error { return nil },
		Worker: func(context.Context, cli.DaemonOptions) error { return nil },
		Demo:   func(context.Context, cli.DemoOptions) error { return nil },

		FirstToken: func(context.Context, cli.DaemonOptions) (string, error) { return "", nil },
	})
	var b strings.Builder
	b.WriteString(commandsIntro)
	b.WriteString("Every command takes these, too:\n\n")
	flagTable(&b, root.PersistentFlags())
	for _, group := range root.Groups() {
		b.WriteString("\n## " + strings.TrimSuffix(group.Title, ":") + "\n")
		for _, cmd := range root.Commands() {
			if cmd.GroupID == group.ID && !builtIn(cmd) {
				command(&b, cmd)
			}
		}
	}
	return b.String()
}

// builtIn reports whether a command is cobra's own.
func builtIn(cmd *cobra.Command) bool { return cmd.Name() == "help" || cmd.Name() == "completion" }

func command(b *strings.Builder, cmd *cobra.Command) {
	b.WriteString("\n### " + cmd.CommandPath() + "\n\n")
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	writeText(b, text)
	b.WriteString("\n```\n" + cmd.UseLine() + "\n```\n")
	if cmd.Example != "" {
		b.WriteString("\nFor example:\n\n```\n" + undented(cmd.Example) + "\n```\n")
	}
	if flags := cmd.NonInheritedFlags(); flags.HasAvailableFlags() {
		b.WriteString("\n")
		flagTable(b, flags)
	}
	for _, child := range cmd.Commands() {
		if !builtIn(child) {
			command(b, child)
		}
	}
}

// writeText writes help as Markdown: its indented lines become a block.
func writeText(b *strings.Builder, text string) {
	block := false
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		if indented := strings.HasPrefix(line, "  "); indented != block {
			block = indented
			b.WriteString("```\n")
		}
		b.WriteString(strings.TrimPrefix(line, "  ") + "\n")
	}
	if block {
		b.WriteString("```\n")
	}
}

func undented(text string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		lines = append(lines, strings.TrimPrefix(line, "  "))
	}
	return strings.Join(lines, "\n")
}

func flagTable(b *strings.Builder, flags *pflag.FlagSet) {
	header(b, "flag", "value", "default", "what it does")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Hidden {
			return
		}
		name := "`--" + f.Name + "`"
		if f.Shorthand != "" {
			name = "`-" + f.Shorthand + "`, " + name
		}
		value, usage := pflag.UnquoteUsage(f)
		standard := "`" + f.DefValue + "`"
		switch f.DefValue {
		case "", "false", "[]", "0":
			standard = ""
		}
		row(b, name, value, standard, usage)
	})
}
