"""A Watcher that has lost its ledger; nothing comes after it."""


def test_a_lost_ledger_is_made_again_of_watchers_actions(stage, anew):
    leases = {
        one.instance_name: one for one in stage.book('anew').active_leases()
    }
    assert leases['kept'].origin_flavor_name == 'plain.1'
    assert leases['kept'].origin_vcpus == 1
    assert leases['heavy'].origin_flavor_name == 'heavy.1'
    # what was released, deleted or changed by its owner is nobody's lease
    assert set(leases) & {'plain', 'doomed', 'owned', 'light'} == set()


def test_by_the_real_clock_old_measures_are_no_reason(anew):
    assert anew.reason('kept') == 'stale_samples'
    assert anew.actions == ()
