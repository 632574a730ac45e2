using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ScaiGrid.Platform.Rooms;

internal sealed class RoomMember
{
    public required string RoomId { get; init; }

    /// <summary><c>user</c> or <c>model</c>.</summary>
    public required string Type { get; init; }

    /// <summary>The user's id, or the model's slug.</summary>
    public required string Member { get; init; }

    public required string Role { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }
}

internal static class RoomMemberType
{
    public const string User = "user";
    public const string Model = "model";
}

internal static class RoomRole
{
    /// <summary>May change the room and its members.</summary>
    public const string Owner = "owner";

    public const string Member = "member";

    /// <summary>May only read.</summary>
    public const string Viewer = "viewer";
}

internal sealed class RoomMemberConfiguration : IEntityTypeConfiguration<RoomMember>
{
    public void Configure(EntityTypeBuilder<RoomMember> builder)
    {
        builder.ToTable("room_members");
        builder.HasKey(member => new { member.RoomId, member.Type, member.Member });
        builder.HasIndex(member => new { member.Member, member.RoomId });
    }
}
