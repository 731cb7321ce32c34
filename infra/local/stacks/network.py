"""A network with a way out, as a stack makes it; none of it changes in place but its tags and rules."""

from dataclasses import dataclass
from typing import Any

from infra.local.stacks.kinds import Kind, Properties, changed, refuse, tag_difference
from infra.local.stacks.services import Services


@dataclass(frozen=True)
class Part:
    """What one call makes and another deletes: `made` is where the first one's answer names it, `deleted_as` the
    second one's parameter for that name."""

    create_with: str
    made: tuple[str, ...]
    delete_with: str
    deleted_as: str
    properties: frozenset[str]
    tag_type: str | None = None
    name_property: str | None = None

    @property
    def replaced_by(self) -> frozenset[str]:
        return self.properties

    @property
    def tags(self) -> bool:
        return self.tag_type is not None

    def create(self, services: Services, name: str, properties: Properties) -> str:
        refuse(properties, {*self.properties, *(["Tags"] if self.tags else [])})
        given = {one: value for one, value in properties.items() if one != "Tags"}
        made: Any = services.call("ec2", self.create_with, **given, **_tagged(self.tag_type, properties))
        for step in self.made:
            made = made[step]
        return str(made)

    def update(self, services: Services, physical_id: str, old: Properties, new: Properties) -> None:
        _set_tags(services, physical_id, old, new)

    def delete(self, services: Services, physical_id: str, properties: Properties) -> None:
        services.call("ec2", self.delete_with, **{self.deleted_as: physical_id})

    def attribute(self, services: Services, physical_id: str, properties: Properties, name: str) -> Any:
        raise KeyError(name)


class Vpc:
    """AWS::EC2::VPC."""

    name_property: str | None = None
    replaced_by = frozenset({"CidrBlock"})
    tags = True
    _switches = ("EnableDnsSupport", "EnableDnsHostnames")

    def create(self, services: Services, name: str, properties: Properties) -> str:
        refuse(properties, {"CidrBlock", "Tags", *self._switches})
        cidr = properties["CidrBlock"]
        made = services.call("ec2", "CreateVpc", CidrBlock=cidr, **_tagged("vpc", properties))["Vpc"]
        self._switch(services, made["VpcId"], {}, properties)
        return str(made["VpcId"])

    def update(self, services: Services, physical_id: str, old: Properties, new: Properties) -> None:
        self._switch(services, physical_id, old, new)
        _set_tags(services, physical_id, old, new)

    def delete(self, services: Services, physical_id: str, properties: Properties) -> None:
        services.call("ec2", "DeleteVpc", VpcId=physical_id)

    def attribute(self, services: Services, physical_id: str, properties: Properties, name: str) -> Any:
        return {"VpcId": physical_id, "CidrBlock": properties["CidrBlock"]}[name]

    def _switch(self, services: Services, vpc_id: str, old: Properties, new: Properties) -> None:
        for name in sorted(changed(old, new).intersection(self._switches)):
            wanted = {name: {"Value": new.get(name, name == "EnableDnsSupport")}}
            services.call("ec2", "ModifyVpcAttribute", VpcId=vpc_id, **wanted)


class Attachment:
    """AWS::EC2::VPCGatewayAttachment."""

    name_property: str | None = None
    replaced_by = frozenset({"VpcId", "InternetGatewayId"})
    tags = False

    def create(self, services: Services, name: str, properties: Properties) -> str:
        refuse(properties, set(self.replaced_by))
        services.call("ec2", "AttachInternetGateway", **properties)
        return f"IGW|{properties['VpcId']}"

    def update(self, services: Services, physical_id: str, old: Properties, new: Properties) -> None:
        """Every property replaces it."""

    def delete(self, services: Services, physical_id: str, properties: Properties) -> None:
        services.call("ec2", "DetachInternetGateway", **properties)

    def attribute(self, services: Services, physical_id: str, properties: Properties, name: str) -> Any:
        raise KeyError(name)


class Route:
    """AWS::EC2::Route."""

    name_property: str | None = None
    replaced_by = frozenset({"RouteTableId", "DestinationCidrBlock"})
    tags = False
    _targets = ("GatewayId", "NatGatewayId")

    def create(self, services: Services, name: str, properties: Properties) -> str:
        refuse(properties, {*self.replaced_by, *self._targets})
        services.call("ec2", "CreateRoute", **properties)
        return f"{properties['RouteTableId']}|{properties['DestinationCidrBlock']}"

    def update(self, services: Services, physical_id: str, old: Properties, new: Properties) -> None:
        services.call("ec2", "ReplaceRoute", **new)

    def delete(self, services: Services, physical_id: str, properties: Properties) -> None:
        services.call("ec2", "DeleteRoute", **{name: properties[name] for name in self.replaced_by})

    def attribute(self, services: Services, physical_id: str, properties: Properties, name: str) -> Any:
        raise KeyError(name)


class Address:
    """AWS::EC2::EIP; its Ref is the address itself."""

    name_property: str | None = None
    replaced_by = frozenset({"Domain"})
    tags = True

    def create(self, services: Services, name: str, properties: Properties) -> str:
        refuse(properties, {"Domain", "Tags"})
        domain = properties.get("Domain", "vpc")
        made = services.call("ec2", "AllocateAddress", Domain=domain, **_tagged("elastic-ip", properties))
        return str(made["PublicIp"])

    def update(self, services: Services, physical_id: str, old: Properties, new: Properties) -> None:
        _set_tags(services, self.attribute(services, physical_id, new, "AllocationId"), old, new)

    def delete(self, services: Services, physical_id: str, properties: Properties) -> None:
        allocation = self.attribute(services, physical_id, properties, "AllocationId")
        services.call("ec2", "ReleaseAddress", AllocationId=allocation)

    def attribute(self, services: Services, physical_id: str, properties: Properties, name: str) -> Any:
        (held,) = services.call("ec2", "DescribeAddresses", PublicIps=[physical_id])["Addresses"]
        return {"AllocationId": held["AllocationId"], "PublicIp": physical_id}[name]


class Endpoint:
    """AWS::EC2::VPCEndpoint, one of a gateway's."""

    name_property: str | None = None
    replaced_by = frozenset({"VpcEndpointType", "VpcId", "ServiceName"})
    tags = True

    def create(self, services: Services, name: str, properties: Properties) -> str:
        refuse(properties, {*self.replaced_by, "RouteTableIds", "Tags"})
        given = {one: value for one, value in properties.items() if one != "Tags"}
        made = services.call("ec2", "CreateVpcEndpoint", **given, **_tagged("vpc-endpoint", properties))
        return str(made["VpcEndpoint"]["VpcEndpointId"])

    def update(self, services: Services, physical_id: str, old: Properties, new: Properties) -> None:
        before, after = set(old.get("RouteTableIds", [])), set(new.get("RouteTableIds", []))
        ways = {"AddRouteTableIds": sorted(after - before), "RemoveRouteTableIds": sorted(before - after)}
        for name, tables in ways.items():
            if tables:
                services.call("ec2", "ModifyVpcEndpoint", VpcEndpointId=physical_id, **{name: tables})
        _set_tags(services, physical_id, old, new)

    def delete(self, services: Services, physical_id: str, properties: Properties) -> None:
        services.call("ec2", "DeleteVpcEndpoints", VpcEndpointIds=[physical_id])

    def attribute(self, services: Services, physical_id: str, properties: Properties, name: str) -> Any:
        return {"Id": physical_id}[name]


class SecurityGroup:
    """AWS::EC2::SecurityGroup; rules that are given take the place of the one that lets everything out."""

    name_property: str | None = "GroupName"
    replaced_by = frozenset({"GroupName", "GroupDescription", "VpcId"})
    tags = True

    def create(self, services: Services, name: str, properties: Properties) -> str:
        refuse(properties, {*self.replaced_by, "SecurityGroupEgress", "SecurityGroupIngress", "Tags"})
        given = {"GroupName": name, "Description": properties["GroupDescription"], "VpcId": properties["VpcId"]}
        made = services.call("ec2", "CreateSecurityGroup", **given, **_tagged("security-group", properties))
        group_id = str(made["GroupId"])
        self._set_rules(services, group_id, properties)
        return group_id

    def update(self, services: Services, physical_id: str, old: Properties, new: Properties) -> None:
        if changed(old, new) & {"SecurityGroupEgress", "SecurityGroupIngress"}:
            self._set_rules(services, physical_id, new)
        _set_tags(services, physical_id, old, new)

    def delete(self, services: Services, physical_id: str, properties: Properties) -> None:
        services.call("ec2", "DeleteSecurityGroup", GroupId=physical_id)

    def attribute(self, services: Services, physical_id: str, properties: Properties, name: str) -> Any:
        return {"GroupId": physical_id, "VpcId": properties["VpcId"]}[name]

    def _set_rules(self, services: Services, group_id: str, properties: Properties) -> None:
        (held,) = services.call("ec2", "DescribeSecurityGroups", GroupIds=[group_id])["SecurityGroups"]
        everything = [{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}]
        for way, before, after in (
            ("Egress", held["IpPermissionsEgress"], properties.get("SecurityGroupEgress") or everything),
            ("Ingress", held["IpPermissions"], properties.get("SecurityGroupIngress", [])),
        ):
            if before:
                services.call("ec2", f"RevokeSecurityGroup{way}", GroupId=group_id, IpPermissions=before)
            if after:
                rules = [_rule(one) for one in after]
                services.call("ec2", f"AuthorizeSecurityGroup{way}", GroupId=group_id, IpPermissions=rules)


def _rule(declared: Properties) -> dict[str, Any]:
    refuse(declared, {"IpProtocol", "FromPort", "ToPort", "CidrIp", "Description"})
    addresses = {"CidrIp": declared["CidrIp"]}
    addresses |= {"Description": declared["Description"]} if "Description" in declared else {}
    ports = {name: declared[name] for name in ("FromPort", "ToPort") if name in declared}
    return {"IpProtocol": declared["IpProtocol"], **ports, "IpRanges": [addresses]}


def _tagged(tag_type: str | None, properties: Properties) -> dict[str, Any]:
    tags = properties.get("Tags")
    return {"TagSpecifications": [{"ResourceType": tag_type, "Tags": tags}]} if tags else {}


def _set_tags(services: Services, resource_id: str, old: Properties, new: Properties) -> None:
    gone, put = tag_difference(old, new)
    if gone:
        services.call("ec2", "DeleteTags", Resources=[resource_id], Tags=[{"Key": key} for key in gone])
    if put:
        services.call("ec2", "CreateTags", Resources=[resource_id], Tags=put)


NETWORK: dict[str, Kind] = {
    "AWS::EC2::EIP": Address(),
    "AWS::EC2::InternetGateway": Part(
        "CreateInternetGateway",
        ("InternetGateway", "InternetGatewayId"),
        "DeleteInternetGateway",
        "InternetGatewayId",
        frozenset(),
        "internet-gateway",
    ),
    "AWS::EC2::NatGateway": Part(
        "CreateNatGateway",
        ("NatGateway", "NatGatewayId"),
        "DeleteNatGateway",
        "NatGatewayId",
        frozenset({"SubnetId", "AllocationId"}),
        "natgateway",
    ),
    "AWS::EC2::Route": Route(),
    "AWS::EC2::RouteTable": Part(
        "CreateRouteTable",
        ("RouteTable", "RouteTableId"),
        "DeleteRouteTable",
        "RouteTableId",
        frozenset({"VpcId"}),
        "route-table",
    ),
    "AWS::EC2::SecurityGroup": SecurityGroup(),
    "AWS::EC2::Subnet": Part(
        "CreateSubnet",
        ("Subnet", "SubnetId"),
        "DeleteSubnet",
        "SubnetId",
        frozenset({"VpcId", "AvailabilityZone", "CidrBlock"}),
        "subnet",
    ),
    "AWS::EC2::SubnetRouteTableAssociation": Part(
        "AssociateRouteTable",
        ("AssociationId",),
        "DisassociateRouteTable",
        "AssociationId",
        frozenset({"SubnetId", "RouteTableId"}),
    ),
    "AWS::EC2::VPC": Vpc(),
    "AWS::EC2::VPCEndpoint": Endpoint(),
    "AWS::EC2::VPCGatewayAttachment": Attachment(),
}
