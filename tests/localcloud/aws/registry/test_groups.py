"""Static and dynamic thing groups, and the search that dynamic ones are made of."""

from typing import Any

import pytest

from localcloud.aws.cloud import Aws
from localcloud.aws.iot.query import Document, InvalidQuery, read
from tests.localcloud.aws.control.refusals import code_of, words_of


def test_hierarchy(iot: Any) -> None:
    iot.create_thing_group(thingGroupName="a")
    iot.create_thing_group(thingGroupName="b", parentGroupName="a")
    properties = {"thingGroupDescription": "pumps", "attributePayload": {"attributes": {"line": "x"}}}
    iot.create_thing_group(thingGroupName="c", parentGroupName="b", thingGroupProperties=properties)
    known = iot.describe_thing_group(thingGroupName="c")
    assert known["thingGroupProperties"] == properties
    lineage = known["thingGroupMetadata"]["rootToParentThingGroups"]
    assert [it["groupName"] for it in lineage] == ["a", "b"]
    below = iot.list_thing_groups(parentGroup="a")["thingGroups"]
    assert [it["groupName"] for it in below] == ["b", "c"]
    direct = iot.list_thing_groups(parentGroup="a", recursive=False)["thingGroups"]
    assert [it["groupName"] for it in direct] == ["b"]
    assert "child groups" in words_of(iot.delete_thing_group, thingGroupName="b")
    assert code_of(iot.create_thing_group, thingGroupName="c") == "ResourceAlreadyExistsException"
    for number in range(4):
        parent = f"d{number - 1}" if number else "c"
        iot.create_thing_group(thingGroupName=f"d{number}", parentGroupName=parent)
    assert "7 levels" in words_of(iot.create_thing_group, thingGroupName="e", parentGroupName="d3")


def test_update_and_version(iot: Any) -> None:
    iot.create_thing_group(thingGroupName="a")
    change = {"thingGroupName": "a", "thingGroupProperties": {"thingGroupDescription": "x"}}
    assert iot.update_thing_group(**change)["version"] == 2
    assert code_of(iot.update_thing_group, **change, expectedVersion=1) == "VersionConflictException"
    assert code_of(iot.delete_thing_group, thingGroupName="a", expectedVersion=1) == (
        "VersionConflictException"
    )


def test_members(iot: Any, aws: Aws) -> None:
    iot.create_thing_group(thingGroupName="a")
    iot.create_thing_group(thingGroupName="b", parentGroupName="a")
    iot.create_thing_group(thingGroupName="other")
    iot.create_thing(thingName="t")
    iot.add_thing_to_thing_group(thingGroupName="b", thingName="t")
    assert "one group of a hierarchy" in words_of(
        iot.add_thing_to_thing_group, thingGroupName="a", thingName="t"
    )
    iot.update_thing_groups_for_thing(thingName="t", thingGroupsToAdd=["other"])
    assert iot.list_things_in_thing_group(thingGroupName="a")["things"] == []
    assert iot.list_things_in_thing_group(thingGroupName="a", recursive=True)["things"] == ["t"]
    groups = iot.list_thing_groups_for_thing(thingName="t")["thingGroups"]
    assert [it["groupName"] for it in groups] == ["b", "other"]
    assert code_of(iot.add_thing_to_thing_group, thingGroupName="b", thingName="no") == (
        "ResourceNotFoundException"
    )
    by_arn = {"thingGroupArn": aws.place.arn("thinggroup/b"), "thingArn": aws.place.arn("thing/t")}
    iot.remove_thing_from_thing_group(**by_arn)
    iot.delete_thing(thingName="t")
    assert iot.list_things_in_thing_group(thingGroupName="other")["things"] == []


def _index(iot: Any) -> None:
    iot.update_indexing_configuration(
        thingIndexingConfiguration={
            "thingIndexingMode": "REGISTRY_AND_SHADOW",
            "thingConnectivityIndexingMode": "STATUS",
        },
        thingGroupIndexingConfiguration={"thingGroupIndexingMode": "ON"},
    )


def test_a_dynamic_group_is_what_its_query_finds(iot: Any) -> None:
    group = {"thingGroupName": "hot", "queryString": "attributes.temp:>30"}
    assert code_of(iot.create_dynamic_thing_group, **group) == "ResourceNotFoundException"
    _index(iot)
    assert iot.create_dynamic_thing_group(**group)["queryVersion"] == "2017-09-30"
    iot.create_thing(thingName="a", attributePayload={"attributes": {"temp": "31"}})
    iot.create_thing(thingName="b", attributePayload={"attributes": {"temp": "29"}})
    assert iot.list_things_in_thing_group(thingGroupName="hot")["things"] == ["a"]
    assert iot.list_thing_groups_for_thing(thingName="a")["thingGroups"][0]["groupName"] == "hot"
    iot.update_dynamic_thing_group(
        thingGroupName="hot", thingGroupProperties={}, queryString="attributes.temp:<30"
    )
    assert iot.list_things_in_thing_group(thingGroupName="hot")["things"] == ["b"]
    assert iot.describe_thing_group(thingGroupName="hot")["status"] == "ACTIVE"

    assert "dynamic" in words_of(iot.add_thing_to_thing_group, thingGroupName="hot", thingName="a")
    assert "DeleteDynamicThingGroup" in words_of(iot.delete_thing_group, thingGroupName="hot")
    assert "dynamic" in words_of(iot.create_thing_group, thingGroupName="x", parentGroupName="hot")
    broken = {"thingGroupName": "y", "queryString": "attributes.temp:"}
    assert code_of(iot.create_dynamic_thing_group, **broken) == "InvalidQueryException"
    iot.delete_dynamic_thing_group(thingGroupName="hot")
    assert code_of(iot.describe_thing_group, thingGroupName="hot") == "ResourceNotFoundException"


def test_search(iot: Any, aws: Aws) -> None:
    assert code_of(iot.search_index, queryString="*") == "ResourceNotFoundException"
    _index(iot)
    aws.world.search.shadow_of = lambda thing, name: (
        {"state": {"reported": {"temp": 5}}, "version": 3} if (thing, name) == ("a", None) else None
    )
    aws.world.search.connectivity_of = lambda thing: {"connected": thing == "a", "timestamp": 1}
    iot.create_thing_group(thingGroupName="g")
    for name in ("a", "b"):
        iot.create_thing(thingName=name)
    iot.add_thing_to_thing_group(thingGroupName="g", thingName="a")

    def found(query: str) -> list[str]:
        return [it["thingName"] for it in iot.search_index(queryString=query)["things"]]

    assert found("*") == ["a", "b"]
    assert found("shadow.reported.temp:[1 TO 5]") == ["a"]
    assert found("connectivity.connected:false") == ["b"]
    assert found("thingGroupNames:g AND NOT thingName:b") == ["a"]
    whole = iot.search_index(queryString="thingName:a")["things"][0]
    assert whole["connectivity"] == {"connected": True, "timestamp": 1}
    assert '"temp": 5' in whole["shadow"]
    groups = iot.search_index(indexName="AWS_ThingGroups", queryString="thingGroupName:g")["thingGroups"]
    assert [it["thingGroupName"] for it in groups] == ["g"]
    numbers = iot.get_statistics(queryString="*", aggregationField="shadow.reported.temp")["statistics"]
    assert (numbers["count"], numbers["average"]) == (1, 5.0)
    assert iot.get_cardinality(queryString="*", aggregationField="thingName")["cardinality"] == 2
    assert iot.describe_index(indexName="AWS_Things")["schema"] == (
        "REGISTRY_AND_SHADOW_AND_CONNECTIVITY_STATUS"
    )


DOCUMENT: Document = {
    "thingName": ["pump-1"],
    "attributes.line": ["Reefer"],
    "attributes.temp": ["12"],
    "shadow.reported.t": [-30.5],
    "connectivity.connected": [True],
    "thingGroupNames": ["a", "b"],
}


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("*", True),
        ("thingName:pump-1", True),
        ("thingName:pump*", True),
        ("thingName:*p-1", True),
        ("thingName:pump-?", True),
        ("thingName:tv*", False),
        ("thingname:pump-1", False),
        ("attributes.line:reefer", True),
        ('attributes.line:"Reefer"', True),
        ("reefer", True),
        ("attributes.temp:[10 TO 20]", True),
        ("attributes.temp:{12 TO 20}", False),
        ("attributes.temp:[* TO 11]", False),
        ("shadow.reported.t:<=-30.5", True),
        ("shadow.reported.t:-30.5", True),
        ("connectivity.connected:true", True),
        ("NOT connectivity.connected:true", False),
        ("thingName:(pump* AND -plasma)", True),
        ("thingName:(pump* AND -pump-1)", False),
        ("thingName:pump-1 attributes.line:x", False),
        ("attributes.line:x OR thingName:pump-1 AND thingGroupNames:b", True),
        ("(attributes.line:x OR thingName:pump-1) thingGroupNames:c", False),
        ("attributes.none:*", False),
    ],
)
def test_queries(text: str, fits: bool) -> None:
    assert read(text)(DOCUMENT) is fits


@pytest.mark.parametrize(
    "text",
    ["(a", "a)", "thingName:", "AND a", "a" + " a" * 12, "a@b", "x:*a OR y:*b", "t>3", "x:(y:z)", "x:[1 TO"],
)
def test_no_queries(text: str) -> None:
    with pytest.raises(InvalidQuery):
        read(text)
