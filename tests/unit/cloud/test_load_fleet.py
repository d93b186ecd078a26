"""Nova's and Placement's answers become a fleet."""

import pytest

from predictive_watcher import exceptions
from predictive_watcher.cloud import nova
from tests.fakes import nova as fake_nova


@pytest.fixture
def cloud() -> fake_nova.FakeNova:
    cloud = fake_nova.FakeNova()
    cloud.add_flavor('small', extra_specs={'predictive:weight': '4'})
    cloud.add_flavor('large', vcpus=4)
    for name in ('n1', 'n2'):
        cloud.add_node(name)
    cloud.add_server('a', 'n1')
    cloud.add_server('b', 'n2', flavor='large')
    return cloud


def test_a_server_becomes_an_instance_with_its_own_flavor(cloud):
    cloud.servers['a'].update(
        {
            'locked': True,
            'metadata': {'application': 'db'},
            'OS-EXT-STS:task_state': 'rebooting',
        }
    )
    cloud.servers['a']['flavor']['vcpus'] = 3  # the flavor changed since
    instance = nova.Nova(cloud).load_fleet().instances[0]
    assert (instance.id, instance.node, instance.status) == (
        'a',
        'n1',
        'ACTIVE',
    )
    assert instance.locked
    assert instance.task_state == 'rebooting'
    assert instance.metadata == {'application': 'db'}
    assert instance.created_at == 1_700_000_100
    assert instance.availability_zone == 'nova'
    assert instance.flavor.id == 'id-small'
    assert instance.flavor.vcpus == 3
    assert instance.flavor.weight() == 4.0


def test_an_instance_tells_whose_it_is_and_what_it_was_made_from(cloud):
    cloud.servers['b']['image'] = ''  # it boots from a volume
    a, b = nova.Nova(cloud).load_fleet().instances
    assert (a.project_id, a.user_id, a.image) == ('p', 'u', 'img')
    assert b.image == ''


def test_a_node_is_in_its_aggregates(cloud):
    cloud.aggregates = [
        {'name': 'ssd', 'hosts': ['n1'], 'metadata': {'disk': 'ssd, nvme'}},
        {'name': 'all', 'hosts': ['n1', 'n2'], 'metadata': {'disk': 'any'}},
    ]
    one, two = nova.Nova(cloud).load_fleet().nodes
    assert one.aggregates == {'ssd', 'all'}
    assert two.aggregates == {'all'}
    assert one.aggregate_metadata == {'disk': {'ssd', 'nvme', 'any'}}
    assert two.aggregate_metadata == {'disk': {'any'}}
    assert cloud.requests.count('GET /os-aggregates') == 1


def test_a_flavor_that_is_gone_has_no_id(cloud):
    del cloud.flavors['id-small']
    instance = nova.Nova(cloud).load_fleet().instances[0]
    assert (instance.flavor.id, instance.flavor.name) == ('', 'small')


def test_extra_specs_that_a_policy_hides_are_none(cloud):
    del cloud.servers['a']['flavor']['extra_specs']
    instance = nova.Nova(cloud).load_fleet().instances[0]
    assert instance.flavor.extra_specs == {}


def test_a_node_has_what_placement_promises(cloud):
    node = nova.Nova(cloud).load_fleet().nodes[0]
    assert node.name == 'n1'  # the service's host, not the hypervisor's
    assert node.enabled
    assert node.availability_zone == 'nova'
    assert node.allocatable().tolist() == [60.0, 32256.0, 1497.0]


@pytest.mark.parametrize('change', [{'state': 'down'}, {'status': 'disabled'}])
def test_a_node_that_is_down_or_disabled_is_not_enabled(cloud, change):
    cloud.hypervisors['n1'].update(change)
    assert not nova.Nova(cloud).load_fleet().nodes[0].enabled


def test_a_node_without_inventory_takes_nothing(cloud):
    cloud.inventories.clear()
    node = nova.Nova(cloud).load_fleet().nodes[0]
    assert not node.enabled
    assert (node.vcpus, node.memory_mib) == (16, 32768)


def test_a_node_with_dedicated_cpus_only_has_those(cloud):
    inventory = cloud.inventories['uuid-n1']
    inventory['PCPU'] = {**inventory.pop('VCPU'), 'allocation_ratio': 1.0}
    assert nova.Nova(cloud).load_fleet().nodes[0].cpu_ratio == 1.0


def test_server_groups_come_with_their_policy(cloud):
    cloud.groups = [{'id': 'g', 'policy': 'anti-affinity', 'members': ['a']}]
    (group,) = nova.Nova(cloud).load_fleet().groups
    assert group.policy == 'anti-affinity'
    assert group.members == {'a'}


def test_only_servers_on_the_nodes_are_loaded(cloud):
    fleet = nova.Nova(cloud).load_fleet(['n2'], ['a', 'b', 'gone'])
    assert [i.id for i in fleet.instances] == ['b']
    assert [n.name for n in fleet.nodes] == ['n2']
    assert fleet.scope == {'b'}


def test_servers_beside_the_scope_are_loaded_too(cloud):
    cloud.add_server('c', 'n1')
    fleet = nova.Nova(cloud).load_fleet(None, ['a'])
    assert [i.id for i in fleet.instances] == ['a', 'b', 'c']
    assert fleet.scope == {'a'}


def test_without_a_scope_everything_is_in_it(cloud):
    assert nova.Nova(cloud).load_fleet().scope == {'a', 'b'}


def test_a_server_on_no_host_is_on_no_node(cloud):
    cloud.add_server('c', None, status='SHELVED_OFFLOADED')
    assert nova.Nova(cloud).load_fleet().instances[2].node == ''
    assert len(nova.Nova(cloud).load_fleet(['n1', 'n2']).instances) == 2


def test_requests_do_not_grow_with_the_servers_but_by_page(cloud):
    loaded = nova.Nova(cloud)
    loaded.load_fleet()
    few = loaded.requests
    assert few == len(cloud.requests)
    for i in range(40):
        cloud.add_server(f's{i}', 'n1')
    cloud.max_limit = 10  # an operator may allow less than we ask for
    cloud.requests.clear()
    fleet = nova.Nova(cloud).load_fleet()
    assert len(fleet.instances) == 42
    assert len(cloud.requests) == few + 4
    assert cloud.requests.count('GET /servers/detail') == 5


def test_all_pages_of_server_groups_are_read(cloud):
    cloud.groups = [
        {'id': f'g{i}', 'policy': 'affinity', 'members': []} for i in range(7)
    ]
    cloud.max_limit = 3
    assert len(nova.Nova(cloud).load_fleet().groups) == 7


def test_many_nodes_are_filtered_from_one_list(cloud):
    for i in range(20):
        cloud.add_node(f'm{i}')
        cloud.add_server(f's{i}', f'm{i}')
    wanted = [f'm{i}' for i in range(20)]
    fleet = nova.Nova(cloud).load_fleet(wanted)
    assert len(fleet.instances) == 20
    assert cloud.requests.count('GET /servers/detail') == 1


def test_a_service_that_is_down_is_named(cloud):
    cloud.down = True
    with pytest.raises(exceptions.CloudError, match='Nova GET /flavors'):
        nova.Nova(cloud).load_fleet()


def test_an_answer_of_another_form_is_an_error_of_the_cloud(cloud):
    del cloud.servers['a']['tenant_id']
    with pytest.raises(exceptions.CloudError, match=r"servers.*'tenant_id'"):
        nova.Nova(cloud).load_fleet()


def test_one_server_flavor_or_node_can_be_looked_at_again(cloud):
    live = nova.Nova(cloud)
    server = live.live('a')
    assert server is not None
    assert server.flavor.id == 'id-small'
    assert live.live('gone') is None
    assert live.flavor('id-large') in live.load_fleet().flavors
    assert live.flavor('gone') is None
    node = live.node('n2')
    assert node is not None
    assert node.name == 'n2'
    assert live.node('gone') is None


def test_a_flavor_is_found_by_its_name_in_one_request(cloud):
    made = nova.Nova(cloud)
    assert made.flavor_named('large').id == 'id-large'
    assert cloud.requests == ['GET /flavors/detail']
    assert made.flavor_named('huge') is None


def test_servers_that_were_deleted_are_told_apart(cloud):
    cloud.departed['old'] = {**cloud.servers.pop('b'), 'id': 'old'}
    found = nova.Nova(cloud)
    assert 'old' not in [i.id for i in found.load_fleet().instances]
    [old] = found.departed(1_700_000_100)
    assert (old.id, old.flavor.vcpus) == ('old', 4)
