package inventory

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/grafana-tools/sdk"
)

// TestEveryRecording decodes every recorded answer of what is asked for, of every identity, as the reader does.
func TestEveryRecording(t *testing.T) {
	as := []struct {
		path string
		new  func() any
	}{
		{`^/api/org$`, func() any { return new(struct{ ID int64 }) }},
		{`^/api/orgs$`, func() any { return new([]struct{ ID int64 }) }},
		{`^/api/org/users$`, func() any { return new([]struct{ UID, Login string }) }},
		{`^/api/serviceaccounts/search`, func() any { return new(struct{ ServiceAccounts []struct{ UID, Login string } }) }},
		{`^/api/datasources$`, func() any { return new([]sdk.Datasource) }},
		{`^/api/search\?`, func() any { return new([]sdk.FoundBoard) }},
		{`^/api/folders/[^/]+/permissions$`, func() any { return new([]struct{ Team string }) }},
		{`^/api/folders/[^/]+$`, func() any { return new(struct{ Title, ParentUID string }) }},
		{`^/api/teams/search`, func() any { return new(sdk.PageTeams) }},
		{`^/api/teams/1/members$`, func() any { return new([]sdk.TeamMember) }},
		{`^/api/library-elements`, func() any { return new(struct{ Result struct{ TotalCount int } }) }},
		{`^/api/dashboards/uid/[^/]+/versions(\?|$)`, func() any { return new(versionList) }},
		{`^/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards\?`, func() any { return new(struct{ Items []resource }) }},
		{`^/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards/[^/]+$`, func() any { return new(resource) }},
		{`^/api/ruler/grafana/api/v1/rules`, func() any {
			return new(map[string][]struct{ Rules []rulerNode })
		}},
		{`^/api/ruler/grafana/api/v1/rule/[^/]+/versions$`, func() any { return new([]rulerNode) }},
		{`^/api/ruler/grafana/api/v1/rule/[^/]+$`, func() any { return new(rulerNode) }},
		{`^/api/v1/provisioning/alert-rules$`, func() any { return new([]provisioned) }},
		{`^/api/annotations\?`, func() any { return new([]note) }},
	}
	index, err := os.ReadFile(filepath.Join("testdata", "12.4", "INDEX.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	decoded, boards := 0, 0
	for _, line := range strings.Split(strings.TrimSpace(string(index)), "\n")[1:] {
		columns := strings.Split(line, "\t")
		file, path, status := columns[0], columns[2], columns[3]
		text, err := os.ReadFile(filepath.Join("testdata", "12.4", file))
		if err != nil {
			t.Fatal(err)
		}
		if regexp.MustCompile(`^/api/dashboards/uid/[^/]+$`).MatchString(path) && status == "200" {
			var answer struct {
				Meta      sdk.BoardProperties
				Dashboard json.RawMessage
			}
			x := newExtractor()
			if err := json.Unmarshal(text, &answer); err != nil || answer.Meta.Version == 0 {
				t.Errorf("%s: %v", file, err)
			} else if metrics, _, err := x.read(answer.Dashboard); err != nil || len(metrics) == 0 {
				t.Errorf("%s: %v, %v", file, metrics, err)
			}
			boards++
		}
		for _, a := range as {
			if status != "200" || !regexp.MustCompile(a.path).MatchString(path) {
				continue
			}
			if err := json.Unmarshal(text, a.new()); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			decoded++
		}
	}
	if decoded < 50 || boards < 4 {
		t.Errorf("%d answers and %d dashboards were decoded", decoded, boards)
	}
}
