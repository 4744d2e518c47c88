package sim

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// writeConfig writes the configuration with which the organisation's input is read, and the key that it names.
func (w *world) writeConfig(dir string) error {
	var b strings.Builder
	fmt.Fprintf(&b, `# A simulated organisation, seed %d.
timezone: %s
store: {url: "sqlite:maturity.db"}
sources:
  - {name: %s, type: grafana-log, files: ["%s/grafana.log*"]}
  - {name: %s, type: prometheus-query-log, files: ["%s/query.log*"], grafana_clients: [10.9.0.0/24]}
  - {name: rules, type: rules-git, repository: %s, ref: main, paths: ["**/*.yaml"]}
automation: {logins: [], authors: ["*[bot]"], clients: [10.8.0.0/24]}
# Nobody here is real, so nobody needs to be forgotten.
privacy: {hash_key_file: %s, actor_retention: 3650d, min_team_size: 4}
teams:
`, w.Seed, Timezone, grafanaSource, LogFolder, prometheusSource, LogFolder, RulesRepo, KeyFile)
	for _, t := range w.teams {
		w.configTeam(&b, t)
	}
	if err := os.WriteFile(filepath.Join(dir, ConfigFile), []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("write the simulated configuration: %w", err)
	}
	d := w.dice("key")
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = byte(d.IntN(256))
	}
	if err := os.WriteFile(filepath.Join(dir, KeyFile), []byte(hex.EncodeToString(secret)+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the simulated key: %w", err)
	}
	return nil
}

func (w *world) configTeam(b *strings.Builder, t *team) {
	var members, authors, boards []string
	for _, p := range t.ever {
		for _, s := range p.stays {
			if s.team != t {
				continue
			}
			from, to := "", ""
			if s.from > 0 {
				from = fmt.Sprintf(", from: %s", w.start+dateOf(s.from))
			}
			if s.to < w.Weeks*7 {
				to = fmt.Sprintf(", to: %s", w.start+dateOf(s.to))
			}
			if from+to == "" {
				members = append(members, p.login)
			} else {
				members = append(members, "{login: "+p.login+from+to+"}")
			}
		}
		// Authors have no dates: who moved is listed in each team, and counts for the one that owns what was written.
		if p.foreignName {
			authors = append(authors, fmt.Sprintf("%q", p.name+" <"+p.email+">"))
		}
	}
	for _, board := range t.boards {
		boards = append(boards, board.uid)
	}
	for _, p := range t.projects {
		boards = append(boards, t.name+"-"+p.noun)
	}
	fmt.Fprintf(b, `  - name: %s
    members: [%s]
    authors: [%s]
    folders: [%s]
    dashboards: [%s]
    rules: {paths: ["%s/**"], labels: {team: %s}}
    metrics: ['{__name__=~"%s[_:].*"}']
    clients: [10.%d.%d.0/24]
`, t.name, strings.Join(members, ", "), strings.Join(authors, ", "), t.folder, strings.Join(boards, ", "), t.name, t.name, t.name,
		1+t.index/250, t.index%250)
}
