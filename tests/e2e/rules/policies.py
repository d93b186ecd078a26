"""The policy files of the site, one after the other."""

from collections.abc import Mapping


#: A day has 24 hours: this window never ends.
_ALWAYS = '{cron: "0 0 * * *", duration: 24h}'
_RULES = f"""
  - name: look first
    match: {{metadata: {{rule: watched}}}}
    set: {{observe_only: true}}
  - name: maintenance
    match: {{metadata: {{rule: closed}}}}
    set:
      no_actions_during: {_ALWAYS}
  - name: no larger than it is
    match: {{metadata: {{rule: capped}}}}
    set: {{largest_flavor: plain.1}}
  - name: never restarted
    match: {{metadata: {{rule: movable}}}}
    set: {{actions: [live_migrate]}}
  - name: when little was done
    match: {{metadata: {{rule: late}}}}
    set:
      observe_only: false
      budgets: {{per_hour: 4}}
"""
_ALL_CLIMB = 'anomalies: {fleet: allow, node: allow}'
EVERYBODY = f"""
rules:
  - name: everybody
    set:
      observation_time: 0
      {_ALL_CLIMB}
{_RULES}
"""
BROKEN = 'rules:\n  - name: everybody\n    set: {ceiling: 9}\n'
#: What many have in common stops resizes again; of one server only what its
#: node has.
BRAKED = """
rules:
  - name: everybody
    set: {observation_time: 0}
  - name: whatever the fleet does
    match: {metadata: {rule: movable}}
    set: {anomalies: {fleet: allow}}
"""
#: Those that are acted upon; of the others nothing is touched.
CHOSEN = ('plain', 'kept', 'owned', 'doomed', 'mover', 'light')
#: Left to itself at first, and acted upon later.
LATER = 'heavy'


def only(ids: Mapping[str, str]) -> str:
    """A policy file under which nobody but the chosen is touched."""
    chosen = ', '.join(ids[name] for name in (*CHOSEN, LATER))
    return f"""
rules:
  - name: everybody
    set:
      observe_only: true
      observation_time: 0
      {_ALL_CLIMB}
      # half an hour goes by without an audit
      budgets: {{unwatched: 9}}
  - name: the chosen
    match: {{instance: [{chosen}]}}
    set: {{observe_only: false}}
{_RULES}
"""
