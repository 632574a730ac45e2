namespace ScaiGrid.Inference.Routing;

/// <summary>A backend's place in a model's routing policy.</summary>
/// <param name="Backend">The backend.</param>
/// <param name="Weight">Share among the targets of the same priority; 0 is a target of last resort within it.</param>
/// <param name="Priority">Lower numbers are tried first.</param>
/// <param name="Modality">The model's modality.</param>
public sealed record Target(Backend Backend, int Weight, int Priority, string Modality)
{
    private const long AnotherUnit = long.MaxValue / 2;

    /// <summary>
    /// The backend's price by the unit of the modality: an image, a minute of audio, or a million input and a million output tokens. Images and
    /// audio may be priced by tokens instead, which do not compare with units: such a price is higher than all of those.
    /// </summary>
    public long Cost
    {
        get
        {
            var prices = Backend.Prices;
            var tokens = prices.Input + prices.Output;
            var unit = Modality switch
            {
                "image" => prices.Image,
                "audio" => prices.AudioMinute,
                _ => tokens,
            };
            return unit > 0 || tokens == 0 ? unit : AnotherUnit + tokens;
        }
    }
}
